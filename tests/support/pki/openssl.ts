/** The `openssl` program as an oracle, where it is installed. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainToASCII } from 'node:url';

import type { PkiCase } from './case.js';
import { toPem, type Issued } from './certificates.js';

export const OPENSSL = '/usr/bin/openssl';
export const opensslPresent = existsSync(OPENSSL);

export interface Ran {
  status: number;
  text: string;
}

export class OpenSsl {
  #folder = '';
  #count = 0;

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'openssl-oracle-'));
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }

  /** `verify` for a TLS server: 0 where it is content. Security level 2 wants 112 bits, and no SHA-1. */
  async verify({ chain, anchors, serverName, at }: PkiCase, crls: readonly Uint8Array[] = []): Promise<Ran> {
    const [leaf, ...others] = chain;
    const ascii = serverName === undefined ? undefined : domainToASCII(serverName) || serverName;
    const files = await this.#write({
      leaf: [leaf as Issued],
      others,
      anchors,
      ...(crls.length === 0 ? {} : { crls: crls.map((der) => ({ pem: toPem(der, 'X509 CRL') })) }),
    });
    const options = ['-no-CApath', '-no-CAstore', '-purpose', 'sslserver', '-auth_level', '2'];
    options.push('-attime', String(at.getTime() / 1_000), '-CAfile', files['anchors'] ?? '');
    if (others.length > 0) options.push('-untrusted', files['others'] ?? '');
    if (ascii !== undefined) options.push(isIP(ascii) === 0 ? '-verify_hostname' : '-verify_ip', ascii);
    if (files['crls'] !== undefined) options.push('-crl_check_all', '-CRLfile', files['crls']);
    return this.#run(['verify', ...options, files['leaf'] ?? '']);
  }

  /** `ocsp` reading a response about a certificate. The time of the answer is judged by the real clock. */
  async ocsp(response: Uint8Array, certificate: Issued, issuer: Issued, root: Issued): Promise<Ran> {
    const files = await this.#write({ certificate: [certificate], issuer: [issuer], root: [root] });
    const path = `${files['root'] ?? ''}.der`;
    await writeFile(path, response);
    const options = ['-no_nonce', '-issuer', files['issuer'] ?? '', '-cert', files['certificate'] ?? ''];
    options.push('-no-CApath', '-no-CAstore', '-CAfile', files['root'] ?? '');
    return this.#run(['ocsp', '-respin', path, ...options]);
  }

  async #write(files: Record<string, readonly { pem: string }[]>): Promise<Record<string, string>> {
    this.#count += 1;
    const folder = join(this.#folder, String(this.#count));
    await mkdir(folder);
    const written = Object.entries(files).map(async ([name, content]) => {
      const path = join(folder, name);
      await writeFile(path, content.map(({ pem }) => pem).join(''));
      return [name, path] as const;
    });
    return Object.fromEntries(await Promise.all(written));
  }

  #run(args: readonly string[]): Promise<Ran> {
    return new Promise((settle) => {
      execFile(OPENSSL, args, { timeout: 20_000, env: { OPENSSL_CONF: '/dev/null' } }, (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        settle({ status, text: `${stdout}\n${stderr}` });
      });
    });
  }
}
