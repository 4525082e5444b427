import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';

/** Certificates for one test, made here so that neither openssl nor a library is needed (X.509 v3, RFC 5280; ECDSA). */

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
  readonly name: string;
  readonly privateKey: KeyObject;
}

/** An authority that signs itself. */
export function makeAuthority(name: string): Certificate {
  return make(name, [], null, DAY);
}

/** A server's certificate for these DNS names or IPv4 addresses; a negative `validMs` is over already. */
export function makeCertificate(
  names: readonly string[],
  issuer: Certificate,
  { name = names[0] ?? '', validMs = DAY }: { name?: string; validMs?: number } = {},
): Certificate {
  return make(name, names, issuer, validMs);
}

const DAY = 24 * 60 * 60_000;
const OID = {
  commonName: [0x55, 0x04, 0x03],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  basicConstraints: [0x55, 0x1d, 0x13],
  subjectAltName: [0x55, 0x1d, 0x11],
};

function make(
  name: string,
  names: readonly string[],
  issuer: Certificate | null,
  validMs: number,
): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const now = Date.now();
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const extensions =
    issuer === null
      ? [extension(OID.basicConstraints, sequence(tag(0x01, [0xff])))]
      : [extension(OID.subjectAltName, sequence(...names.map(altName)))];
  const body = sequence(
    tag(0xa0, tag(0x02, [2])),
    tag(0x02, [0x01, ...randomBytes(8)]),
    algorithm,
    nameOf(issuer?.name ?? name),
    sequence(time(Math.min(now, now + validMs) - DAY), time(now + validMs)),
    nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    tag(0xa3, sequence(...extensions)),
  );
  const signature = sign('sha256', body, issuer?.privateKey ?? privateKey);
  const der = sequence(body, algorithm, tag(0x03, Buffer.concat([Buffer.of(0), signature])));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}(?=.)/g, '$&\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    name,
    privateKey,
  };
}

function tag(number: number, content: Uint8Array | readonly number[]): Buffer {
  const bytes = Buffer.from(content);
  const { length } = bytes;
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([number, ...size]), bytes]);
}

const sequence = (...parts: Buffer[]): Buffer => tag(0x30, Buffer.concat(parts));
const oid = (bytes: readonly number[]): Buffer => tag(0x06, bytes);
const nameOf = (name: string): Buffer =>
  sequence(tag(0x31, sequence(oid(OID.commonName), tag(0x0c, Buffer.from(name)))));
const extension = (id: readonly number[], value: Buffer): Buffer => sequence(oid(id), tag(0x04, value));
/** UTCTime: `YYMMDDHHMMSSZ`. */
const time = (at: number): Buffer =>
  tag(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/\D/g, '')}Z`));

function altName(name: string): Buffer {
  return /^[\d.]+$/.test(name) ? tag(0x87, name.split('.').map(Number)) : tag(0x82, Buffer.from(name));
}
