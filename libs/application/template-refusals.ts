import type { TemplateContent } from '#domain/gate/intent';
import type { Failure } from '#domain/gate/outcome';
import { sentTemplate } from '#domain/gate/permit';
import type { OpenIntent } from '#domain/gate/state';
import type { TemplateStatus, TemplateStatusEvent } from '#domain/template';
import type { Instant } from '#domain/time';
import type { Directory } from './directory.js';
import type { ChangeCommand, RecordChanges } from './record-changes.js';
import { templateStream } from './streams.js';

/** A template that the provider would not send. */
export interface RefusedTemplate extends Pick<TemplateContent, 'name' | 'language'> {
  readonly account: string;
  readonly status: 'paused' | 'disabled' | 'unknown';
  readonly code: string;
  readonly at: Instant;
}

/** One or none. */
export const refusedTemplateOf = (
  account: string,
  open: OpenIntent | undefined,
  failure: Failure | undefined,
  at: Instant,
): readonly RefusedTemplate[] => {
  const { code, effect } = failure ?? {};
  const template = open === undefined || open.status === 'held' ? undefined : sentTemplate(open);
  if (code === undefined || effect?.kind !== 'template-unavailable' || template === undefined) return [];
  const { name, language } = template;
  return [{ account, name, language, status: effect.status, code, at }];
};

/** A template that the platform does not know in this language is as good as deleted (ADR 0022). */
const meaning = {
  paused: ['PAUSED', 'TemplatePaused'],
  disabled: ['DISABLED', 'TemplateDisabled'],
  unknown: ['DELETED', 'TemplateDeleted'],
} as const satisfies {
  readonly [status in RefusedTemplate['status']]: readonly [TemplateStatus, TemplateStatusEvent['type']];
};

/** Records in a template's stream that the provider refused it, before whoever was refused is decided once more. */
export class TemplateRefusals {
  constructor(
    private readonly directory: Directory,
    private readonly changes: Pick<RecordChanges, 'run'>,
  ) {}

  /** Whoever is refused with many others finds it recorded: one event for each status that a template turns to. */
  async learn(refused: readonly RefusedTemplate[]): Promise<void> {
    if (refused.length === 0) return;
    const templates = new Map(
      refused.map(({ account, name, language }) => [
        templateStream(account, name, language),
        { account, name, language },
      ]),
    );
    await this.directory.refreshTemplates([...templates.values()]);
    const commands = new Map<string, ChangeCommand>();
    for (const { account, name, language, status, code, at } of refused) {
      const stream = templateStream(account, name, language);
      const known = this.directory.template(account, name, language);
      const [turnsTo, type] = meaning[status];
      if (known?.status === turnsTo || (known?.statusAt !== undefined && known.statusAt > at)) continue;
      // By the revision that it turns from: two processes that learn the same at once record it once.
      const id = `provider/${turnsTo}/${known?.revision ?? -1}`;
      commands.set(`${stream} ${id}`, {
        stream,
        event: () => ({ type, at, reason: `the provider refused it: ${code}` }),
        metadata: { correlationId: id, causationId: id },
      });
    }
    await this.changes.run([...commands.values()]);
    if (commands.size > 0) await this.directory.refreshTemplates([...templates.values()]);
  }
}
