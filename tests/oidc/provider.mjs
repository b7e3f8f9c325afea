// A real OpenID Connect provider on 127.0.0.1: node provider.mjs LIBRARY PORT.
// Prints its issuer once it listens, then answers each line of its input with one line:
//   token {claims}    a token with these claims, signed with its youngest key
//   rotate ALG        a new key, whose id it prints
//   retire KID        the key is not published any more
//   rename ISSUER     it calls itself so from now on
import { createInterface } from "node:readline";

const [library, port] = process.argv.slice(2);
const { OAuth2Server } = await import(library);
const server = new OAuth2Server();
const { issuer } = server;
let youngest = (await issuer.keys.generate("RS256")).kid;

const retired = new Set();
const published = issuer.keys.toJSON.bind(issuer.keys);
issuer.keys.toJSON = (whole) => published(whole).filter((key) => !retired.has(key.kid));

const orders = {
  token: (claims) =>
    issuer.buildToken({ kid: youngest, scopesOrTransform: (_header, payload) => Object.assign(payload, JSON.parse(claims)) }),
  rotate: async (algorithm) => (youngest = (await issuer.keys.generate(algorithm)).kid),
  retire: (kid) => (retired.add(kid), kid),
  rename: (url) => (issuer.url = url),
};

await server.start(Number(port), "127.0.0.1");
console.log(issuer.url);
for await (const line of createInterface({ input: process.stdin })) {
  const [order, ...rest] = line.split(" ");
  console.log(await orders[order](rest.join(" ")));
}
process.exit(0);
