import type { ServerResponse } from 'node:http';

export const reply = (response: ServerResponse, status: number, json: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
};

/** No answer, ever: the connection is reset after a while. */
export const hangUp = (response: ServerResponse, afterMs: number): void => {
  setTimeout(() => response.socket?.resetAndDestroy(), afterMs).unref();
};
