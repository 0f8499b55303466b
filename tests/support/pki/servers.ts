/** The servers of the PKI lab, all on a free port of the loopback address. */

export * from './hostile-servers.js';
export * from './http-servers.js';
export * from './listen.js';
export * from './tls-servers.js';
