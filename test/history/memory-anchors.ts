import { Anchors, type Anchor } from '#application/history/ledger';

/** Anchors that are gone with the test, and can be tampered with. */
export class MemoryAnchors extends Anchors {
  readonly kept = new Map<string, readonly Anchor[]>();

  override accounts(): Promise<readonly string[]> {
    return Promise.resolve([...this.kept.keys()]);
  }
  override read(account: string): Promise<readonly Anchor[]> {
    return Promise.resolve(this.kept.get(account) ?? []);
  }
  override append(account: string, anchors: readonly Anchor[]): Promise<void> {
    this.kept.set(account, [...(this.kept.get(account) ?? []), ...anchors]);
    return Promise.resolve();
  }
}
