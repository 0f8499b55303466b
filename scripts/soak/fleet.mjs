/** Four servers on one store. Each process has a client's name of its own, by which the audit tells what it was asked. */

import { SERVER, StdioServer, UNLIMITED } from '../../bench/rig.mjs';

const SERVERS = 4;
export const MASTER_KEY = Buffer.alloc(32, 7);

export class Fleet {
  killed = 0;
  ended = 0;
  /** By client: how many calls of each tool were answered, in which way, and how many were sent whose answer never came. */
  clients = new Map();
  #env;
  #servers = [];
  #next = 0;

  static async start(place) {
    const fleet = new Fleet();
    fleet.#env = {
      SECURITY_MCP_HOME: place.home,
      SECURITY_MCP_CALLS_PER_MINUTE: UNLIMITED,
      SECURITY_MCP_BCRYPT_COST: '10',
      SECURITY_MCP_LOG_LEVEL: 'error',
      ...(place.databaseUrl === undefined
        ? {}
        : {
            SECURITY_MCP_DATABASE_URL: place.databaseUrl,
            SECURITY_MCP_MASTER_KEY: MASTER_KEY.toString('base64url'),
          }),
    };
    fleet.#servers = await Promise.all(Array.from({ length: SERVERS }, () => fleet.#start()));
    return fleet;
  }

  async #start() {
    const client = `soak-${this.#next++}`;
    this.clients.set(client, { answered: new Map(), unknown: new Map() });
    const server = new StdioServer(SERVER, this.#env);
    await server.initialize(client);
    return { client, server };
  }

  get size() {
    return SERVERS;
  }

  /**
   * The structured content of an answer, or `{error}`; null where the server was lost on the way, or could not reach its store: then
   * nobody knows whether it was done.
   */
  async call(tool, input, at = Math.floor(Math.random() * SERVERS)) {
    const { client, server } = this.#servers[at];
    const { answered, unknown } = this.clients.get(client);
    const count = (map, key) => map.set(key, (map.get(key) ?? 0) + 1);
    let result;
    try {
      result = await server.request('tools/call', { name: tool, arguments: input });
    } catch {
      count(unknown, `${tool} lost`);
      return null;
    }
    if (result.isError !== true) {
      count(answered, `${tool} ok`);
      return result.structuredContent;
    }
    const { error } = JSON.parse(result.content[0].text);
    if (/^(?:storage|audit)_unavailable$/.test(error.code)) {
      count(unknown, `${tool} unavailable`);
      return null;
    }
    count(answered, `${tool} refused`);
    return { error };
  }

  /** Kills one at random, or at times ends it in order, and starts another in its place. */
  async replaceOne() {
    const at = Math.floor(Math.random() * SERVERS);
    const { server } = this.#servers[at];
    if (Math.random() < 0.75) {
      this.killed++;
      process.kill(server.pid, 'SIGKILL');
    } else {
      this.ended++;
      server.end();
    }
    this.#servers[at] = await this.#start();
  }

  async close() {
    await Promise.all(this.#servers.map(({ server }) => server.close()));
  }
}
