/** Delivers secrets into files of the allowed folders: marked, so that no tool reads them back. */

import { utf8 } from '../crypto/bytes.js';
import { SecurityError } from '../crypto/errors.js';
import type { SecretOrigin } from '../crypto/secret.js';
import { requireVariable, withVariable } from './env-file.js';
import type { FileWriter } from './write.js';

const MAX_ENV_BYTES = 1_048_576;

export class FileDeliveries {
  readonly #writer: FileWriter;
  readonly #any: boolean;

  /** `any`: the operator lets every secret be delivered. */
  constructor(writer: FileWriter, any: boolean) {
    this.#writer = writer;
    this.#any = any;
  }

  /** Whether a secret of this origin may leave the store. What the model gave itself is no reason to write files. */
  mayLeave(origin: SecretOrigin): boolean {
    return this.#any || origin === 'generated' || origin === 'human';
  }

  /** A new file that holds the secret and nothing else. Throws `path_refused` and `file_exists`. */
  async toFile(path: string, value: string, overwrite: boolean): Promise<void> {
    await this.#write(path, value, overwrite);
  }

  /** One variable of a .env file, which is made where there is none. Throws also `policy_refused` and `input_invalid`. */
  async toVariable(path: string, variable: string, value: string, overwrite: boolean): Promise<void> {
    requireVariable(variable);
    const before = await this.#writer.readForChange(path, MAX_ENV_BYTES);
    const after = withVariable(before ?? '', variable, value, overwrite);
    if (after === null) throw variableExists();
    await this.#write(path, after, before !== null);
  }

  async #write(path: string, text: string, overwrite: boolean): Promise<void> {
    const draft = await this.#writer.draft(path, { overwrite, delivered: true });
    try {
      await draft.write(utf8(text));
      await draft.commit();
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }
}

function variableExists(): SecurityError {
  return new SecurityError('file_exists', 'The file has this variable already.', {
    hint: 'Give another variable, or overwrite: true to replace its value; the rest of the file stays.',
  });
}
