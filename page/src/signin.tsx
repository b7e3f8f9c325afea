import { useRef } from "preact/hooks";
import { refusal, signIn } from "./session.ts";

export function SignIn() {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const token = field.current?.value.trim();
    if (token) signIn(token);
  };
  return (
    <form class="card sign-in" onSubmit={submit}>
      <h1>Sign in</h1>
      {refusal.value && (
        <p class="complaint" role="alert">
          {refusal}
        </p>
      )}
      <label for="token">Access token</label>
      <input
        ref={field}
        id="token"
        type="password"
        autocomplete="off"
        spellcheck={false}
        required
        aria-describedby="token-hint"
      />
      <p id="token-hint" class="hint">
        A bearer token from whoever runs this service. It stays in this tab.
      </p>
      <button type="submit">Sign in</button>
    </form>
  );
}
