import { useEffect, useRef } from "preact/hooks";
import { DropZone } from "./dropzone.tsx";
import { trouble } from "./following.ts";
import { List } from "./list.tsx";
import { route } from "./route.ts";
import { signOut, token } from "./session.ts";
import { SignIn } from "./signin.tsx";
import { Announcements, Complaint } from "./status.tsx";
import { VideoView } from "./view.tsx";

export function App() {
  return (
    <>
      <header>
        <a class="home" href="#list">
          <Mark />
          vidctl
        </a>
        {token.value && (
          <button type="button" class="plain" onClick={() => signOut()}>
            Sign out
          </button>
        )}
      </header>
      <main>
        <Complaint />
        {trouble.value && token.value && <p class="notice">{trouble}</p>}
        {!token.value ? <SignIn /> : route.value ? <VideoView id={route.value} /> : <Home />}
      </main>
      <Announcements />
    </>
  );
}

function Home() {
  return (
    <>
      <Heading title="Videos" />
      <DropZone />
      <List />
    </>
  );
}

let arrivedByLink = false;
window.addEventListener("hashchange", () => {
  arrivedByLink = true;
});

/** The heading of what is on show now. Coming from elsewhere, that is where reading begins. */
export function Heading({ title }: { title: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    if (arrivedByLink) heading.current?.focus();
    arrivedByLink = false;
  }, []);
  return (
    <h1 ref={heading} tabIndex={-1}>
      {title}
    </h1>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
      <rect width="16" height="16" rx="4" class="mark" />
      <path d="M6 4.5v7l6-3.5z" class="mark-sign" />
    </svg>
  );
}
