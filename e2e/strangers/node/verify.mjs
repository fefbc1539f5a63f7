// Verifies a plain DA-SVID with jose and nothing of ours.
//
// usage: node verify.mjs JWKS-FILE TOKEN-FILE
import { readFileSync } from 'node:fs';
import { createLocalJWKSet, errors, jwtVerify } from 'jose';

const [jwks, token] = process.argv.slice(2).map((path) => readFileSync(path, 'utf8').trim());
const keys = createLocalJWKSet(JSON.parse(jwks));
const expected = {
  typ: 'dasvid+jwt',
  algorithms: ['ES256'],
  issuer: 'spiffe://bank.example/asserting-wl',
  audience: 'spiffe://bank.example/target-wl',
  requiredClaims: ['sub', 'dpa', 'dpr', 'iat', 'exp', 'jti'],
};

const { payload } = await jwtVerify(token, keys, expected);

const [head, claims, tail] = token.split('.');
const forged = [head, claims, (tail.startsWith('A') ? 'B' : 'A') + tail.slice(1)].join('.');
try {
  await jwtVerify(forged, keys, expected);
  throw new Error('jose accepts a forged signature');
} catch (error) {
  if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
}
console.log(`Node: jose verifies the plain DA-SVID of ${payload.dpr} with the whole of /keys and refuses a forged one`);
