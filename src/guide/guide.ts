/** What a client is offered beside the tools, for the tools and the settings that are in force. */

import type { Config } from '../config.js';
import type { Pipeline } from '../guard/call.js';
import { JWT_LIMITS } from '../crypto/jwt.js';
import { ENVIRONMENT_KEY } from '../crypto/keyring.js';
import { LEAST_SCORE } from '../crypto/strength.js';
import { VIEW_META, VIEW_MIME_TYPE, VIEW_URI } from '../view/address.js';
import { completionsOf, type Complete } from './completions.js';
import { planOf, promptsFor, type Prompt } from './prompts.js';
import { resourcesFor, type Resource } from './resources.js';

export interface Guide {
  prompts: readonly Prompt[];
  resources: readonly Resource[];
  complete: Complete;
  planOf: typeof planOf;
}

export function guideOf(pipeline: Pipeline, config: Config, version: string): Guide {
  const prompts = promptsFor(pipeline.tools);
  return {
    prompts,
    resources: resourcesFor(pipeline, policyOf(config), [judgementView(version)]),
    complete: completionsOf(pipeline, prompts),
    planOf,
  };
}

/** The page that hosts with MCP Apps draw judgements of certificates with. */
function judgementView(version: string): Resource {
  return {
    uri: VIEW_URI,
    name: 'judgement',
    title: 'Judgement of certificates',
    description: 'Draws the answer of certificate_check: chain, checks, lifetimes.',
    mimeType: VIEW_MIME_TYPE,
    meta: VIEW_META,
    read: async () => (await import('../view/page.js')).appPage(version),
  };
}

/** What the operator set, as an agent may know it: nothing of it is a secret, or tells where the store is. */
function policyOf(config: Config): Readonly<Record<string, unknown>> {
  const { network, callsPerMinute, verifyAttempts } = config;
  return {
    passwords: { min_length: config.passwordMinLength, min_score: LEAST_SCORE, bcrypt_cost: config.bcryptCost },
    calls_per_minute: { light: callsPerMinute.light, cpu_heavy: callsPerMinute.cpu },
    guesses: { attempts: verifyAttempts.guesses, window_seconds: verifyAttempts.windowSeconds },
    tokens: {
      default_ttl_seconds: JWT_LIMITS.defaultTtlSeconds,
      max_ttl_seconds: JWT_LIMITS.ttlSeconds,
      key: config.jwtSecret === undefined ? 'jwt' : ENVIRONMENT_KEY,
    },
    network: { reach: network.mode, further_ports: network.ports },
    files: { folders: config.fileFolders.map(({ given }) => given) },
    secrets: {
      references: ['secret://NAME', ...[...config.exposedEnvironment.keys()].map((name) => `env://${name}`)],
      deliverable: config.deliverAny ? 'all' : 'generated or typed by the human',
      desk: config.desk,
    },
    toolsets: config.toolsets,
    read_only: config.readOnly,
  };
}
