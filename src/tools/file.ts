/** File tools: whole files encrypted and decrypted in the age format; their content never passes through the model. */

import { z } from 'zod';

import type { AgeIdentity } from '../crypto/age/ring.js';
import { inputInvalid, SecurityError } from '../crypto/errors.js';
import { filePath, keyName, secret, text } from './fields.js';
import { requireStrongPassword } from './password.js';
import { defineTool, type Draft, type ToolContext } from './tool.js';

/** 1 TiB: what a run can do in its hour, and more. */
const MAX_FILE_BYTES = 2 ** 40;
const HEAD_BYTES = 65_536;
const MAX_RECIPIENTS = 16;
const SUFFIX = '.age';

/** The rooms of age are loaded with the first file. */
const loadFile = (): Promise<typeof import('../crypto/age/file.js')> => import('../crypto/age/file.js');
const loadRing = (): Promise<typeof import('../crypto/age/ring.js')> => import('../crypto/age/ring.js');
const loadPassphrase = (): Promise<typeof import('../crypto/age/passphrase.js')> =>
  import('../crypto/age/passphrase.js');

const output = z.strictObject({ path: z.string(), input_bytes: z.int(), output_bytes: z.int() });

/** Pieces of the file, counted and told as progress, once for each hundredth: a client is not to drown in it. */
async function* counted(
  path: string,
  { files, signal, progress }: ToolContext,
  count: { bytes: number },
): AsyncGenerator<Uint8Array> {
  const total = await files.size(path);
  let told = 0;
  for await (const piece of files.pieces(path, { maxBytes: MAX_FILE_BYTES, signal })) {
    yield piece;
    count.bytes += piece.length;
    const hundredths = Math.min(100, Math.floor((100 * count.bytes) / Math.max(1, total)));
    if (hundredths === told) continue;
    told = hundredths;
    progress(Math.min(count.bytes, total), total);
  }
}

/** Writes the pieces to a draft that gets its name when all of them are there; otherwise nothing is left of it. */
async function written(
  draft: Draft,
  pieces: AsyncIterable<Uint8Array>,
  { signal }: Pick<ToolContext, 'signal'>,
): Promise<number> {
  let bytes = 0;
  // A piece is written while the next is computed.
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const piece of pieces) {
      signal.throwIfAborted();
      await writing;
      writing = draft.write(piece);
      writing.catch(() => undefined);
      bytes += piece.length;
    }
    await writing;
    signal.throwIfAborted();
    await draft.commit();
    return bytes;
  } catch (error) {
    await writing.catch(() => undefined);
    await draft.discard();
    throw error;
  }
}

export const fileEncrypt = defineTool({
  name: 'file_encrypt',
  title: 'Encrypt a file',
  description: 'Encrypts a file in the age format, with a passphrase or for recipients (age1..., age1pq...).',
  effect: 'writes',
  reach: 'local',
  cost: 'file',
  audit: ['armor', 'overwrite'],
  auditOutput: ['key_id'],
  input: z.strictObject({
    path: filePath(),
    output: text(4_096).min(1).optional().describe('Default: path with .age.'),
    password: secret('lock').optional(),
    recipients: z.array(text(4_096).min(1)).min(1).max(MAX_RECIPIENTS).optional(),
    key: keyName().optional(),
    armor: z.boolean().optional(),
    overwrite: z.boolean().optional(),
  }),
  output: output.extend({ key_id: z.string().optional() }),
  async run(
    { path, output: to = `${path}${SUFFIX}`, password, recipients, key, armor = false, overwrite = false },
    context,
  ) {
    if ([password, recipients, key].filter((given) => given !== undefined).length !== 1)
      throw inputInvalid(
        'password',
        'or recipients or key: exactly one of them is needed',
        'Give the one to encrypt under; key is a key of the ring, such as file.',
      );
    if (password !== undefined) await requireStrongPassword('password', password, [], context, '');
    const own = key === undefined ? undefined : await context.ring.fileKey(key);
    const lock =
      password !== undefined
        ? { password }
        : { recipients: own === undefined ? (recipients ?? []) : [await (await loadRing()).recipientOf(own.key)] };
    const { encryptFile } = await loadFile();
    const read = { bytes: 0 };
    const encrypted = await encryptFile(counted(path, context, read), lock, armor, context.random);
    const bytes = await written(await context.writer.draft(to, { overwrite }), encrypted, context);
    return {
      path: to,
      input_bytes: read.bytes,
      output_bytes: bytes,
      ...(own === undefined ? {} : { key_id: own.id }),
    };
  },
});

export const fileDecrypt = defineTool({
  name: 'file_decrypt',
  title: 'Decrypt a file',
  description: 'Decrypts an age file with its passphrase or an identity. One that was changed or cut gives no output.',
  effect: 'writes',
  reach: 'local',
  cost: 'file',
  audit: ['overwrite'],
  input: z.strictObject({
    path: filePath(),
    output: text(4_096).min(1).optional().describe('Default: path without .age.'),
    password: secret('lock').optional(),
    identity: secret('lock', 65_536).optional(),
    key: keyName().optional(),
    overwrite: z.boolean().optional(),
  }),
  output,
  guess: {
    // The passphrase of a file is guessed at by its header.
    async subject({ path, password, identity, key }, { files, signal }) {
      if (password === undefined || identity !== undefined || key !== undefined) return null;
      const { passphraseSubject } = await loadPassphrase();
      for await (const piece of files.pieces(path, { maxBytes: MAX_FILE_BYTES, signal }))
        return passphraseSubject(await plainHead(piece.subarray(0, HEAD_BYTES)));
      return null;
    },
    succeeded: () => true,
  },
  async run({ path, output: given, password, identity, key: name, overwrite = false }, context) {
    if ([password, identity, name].filter((one) => one !== undefined).length !== 1)
      throw inputInvalid(
        'password',
        'or identity or key: exactly one of them is needed',
        'Give what opens the file; key is a key of the ring, such as file.',
      );
    const identities = identity?.split(/\s+/).filter((line) => line.startsWith('AGE-'));
    if (identities?.length === 0)
      throw inputInvalid(
        'identity',
        'is not an identity of age (AGE-SECRET-KEY-1...)',
        'Give it as age-keygen prints it.',
      );
    const to = given ?? (path.endsWith(SUFFIX) ? path.slice(0, -SUFFIX.length) : undefined);
    if (to === undefined)
      throw inputInvalid('output', 'is needed where path does not end in .age', 'Give the path of the plaintext.');
    const key =
      password !== undefined ? { password } : { identities: identities ?? (await ringIdentities(name, context)) };
    const { decryptFile } = await loadFile();
    const read = { bytes: 0 };
    const draft = await context.writer.draft(to, { overwrite });
    const bytes = await written(draft, decryptFile(counted(path, context, read), key), context);
    return { path: to, input_bytes: read.bytes, output_bytes: bytes };
  },
});

/** All versions of the key: what any of them opens, is opened. */
async function ringIdentities(name: string | undefined, { ring }: ToolContext): Promise<AgeIdentity[]> {
  const [{ identityOf }, keys] = await Promise.all([loadRing(), ring.fileKeys(name ?? '')]);
  return Promise.all(keys.map(identityOf));
}

/** The beginning of a file without its armor, as far as it can be read. */
async function plainHead(head: Uint8Array): Promise<Uint8Array> {
  const { isArmored, unarmored } = await import('../crypto/age/armor.js');
  if (!isArmored(head)) return head;
  const found: Uint8Array[] = [];
  try {
    for await (const piece of unarmored(
      (async function* () {
        yield head;
      })(),
    ))
      found.push(piece);
  } catch (error) {
    // The head is cut from a longer file; what is no armor at all is told when it is opened.
    if (error instanceof SecurityError) throw error;
  }
  return Buffer.concat(found);
}
