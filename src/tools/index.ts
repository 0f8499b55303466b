/** The catalogue: every tool, in display order, by toolset. */

import { auditQuery } from './audit.js';
import { certificateCheck, certificateVerify } from './certificate.js';
import { digestCompute } from './digest.js';
import { envelopeOpen, envelopeRewrap, envelopeSeal } from './envelope.js';
import { fileDecrypt, fileEncrypt } from './file.js';
import { inspect } from './inspect.js';
import { jwtSign, jwtVerify } from './jwt.js';
import { keyCreate, keyList, keyRetire, keyRotate } from './key.js';
import { passwordHash, passwordStrength, passwordVerify } from './password.js';
import { secretDelete, secretGenerate, secretList } from './secret.js';
import { secretDeliver } from './secret-deliver.js';
import { secretRequest } from './secret-request.js';
import type { Tool } from './tool.js';
import { TOOLSET_NAMES, type Toolset } from './toolsets.js';

export const TOOLSETS = {
  passwords: [passwordHash, passwordVerify, passwordStrength],
  digests: [digestCompute],
  jwt: [jwtSign, jwtVerify],
  envelopes: [envelopeSeal, envelopeOpen, envelopeRewrap],
  files: [fileEncrypt, fileDecrypt],
  secrets: [secretGenerate, secretRequest, secretDeliver, secretList, secretDelete],
  keys: [keyCreate, keyRotate, keyRetire, keyList],
  certificates: [certificateCheck, certificateVerify],
  inspection: [inspect],
  audit: [auditQuery],
} as const satisfies Record<Toolset, readonly Tool[]>;

/** The tools of the given toolsets, in order; with `readOnly` only those without effect. */
export function catalogue(toolsets: readonly Toolset[] = TOOLSET_NAMES, readOnly = false): Tool[] {
  const chosen: Tool[] = TOOLSET_NAMES.filter((name) => toolsets.includes(name)).flatMap((name) => [...TOOLSETS[name]]);
  return chosen.filter((tool) => !readOnly || tool.effect === 'none');
}
