// Uppy with its own Dashboard, as its documentation has it; the query says which, and where it uploads to.

const { version, way, endpoint, token, multipart } = Object.fromEntries(new URLSearchParams(location.search));
const { AwsS3, Dashboard, GoldenRetriever, Uppy } = await import(`/built/uppy-${version}.js`);
const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `/built/uppy-${version}.css` });
document.head.append(style);

const authorization = `Bearer ${token}`;

async function signRequest(request) {
  const headers = { authorization, "content-type": "application/json" };
  const answer = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify(request) });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body;
}

// A chunk of 5 MiB is the least that S3 takes.
const options = {
  shouldUseMultipart: multipart === "yes",
  getChunkSize: () => 5 * 2 ** 20,
  ...{
    endpoint: { endpoint, headers: { authorization } }, // the last generation's way, with a header
    companion: { companionEndpoint: endpoint }, // the present one's, with no way to send a header
    sign: { signRequest },
  }[way],
};

const uppy = new Uppy({ id: `uppy-${version}` })
  .use(Dashboard, { inline: true, target: "#dashboard", proudlyDisplayPoweredByUppy: false })
  .use(GoldenRetriever)
  .use(AwsS3, options);

const said = [];
uppy.on("info-visible", () => said.push(...uppy.getState().info.map(({ message, details }) => [message, details])));
window.client = { uppy, said };
