/** Room outside of memory for what one long work lays aside. It ends with the work, and a crash may leave it behind. */
export abstract class Scratch {
  /** What lies under the keys, in their order; undefined where nothing does. @throws InfrastructureError `config-invalid` */
  abstract get(keys: readonly string[]): Promise<readonly (string | undefined)[]>;

  /** Takes the place of what lies there. @throws InfrastructureError `config-invalid`, as where there is no room */
  abstract put(entries: readonly (readonly [key: string, value: string])[]): Promise<void>;

  /** All of one moment, each once. @throws InfrastructureError `config-invalid` */
  abstract entries(): AsyncIterable<readonly [key: string, value: string]>;

  /** Forgets all, and leaves nothing behind. */
  abstract close(): Promise<void>;
}
