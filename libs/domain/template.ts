import type { TemplateCategory } from './consent.js';
import { inForce, withEntry } from './policy.js';
import type { Instant } from './time.js';

// The names of these events are storage formats: change them only by an upcaster (libs/contracts/events).

interface TemplateFact {
  /** The provider's time. */
  readonly at: Instant;
  readonly reason?: string | undefined;
}

/** The events that say a new status. */
export type TemplateStatusEvent = TemplateFact & {
  readonly type:
    | 'TemplateApproved'
    | 'TemplatePending'
    | 'TemplateRejected'
    | 'TemplatePaused'
    | 'TemplateDisabled'
    | 'TemplateDeleted';
  readonly category?: TemplateCategory | undefined;
  /** Names of the parameters that a send must fill, when the source tells them. */
  readonly parameters?: readonly string[] | undefined;
};

export type TemplateEvent =
  | TemplateStatusEvent
  /** Flagged: a warning that leaves the status as it is (case 13). */
  | (TemplateFact & { readonly type: 'TemplateFlagged' })
  /** A notice that the gate does not know: kept, alarmed, and without effect. */
  | (TemplateFact & { readonly type: 'TemplateNoticeUnrecognised'; readonly notice: string })
  /** Takes effect at its own time, which may lie in the future (case 14). */
  | (TemplateFact & {
      readonly type: 'TemplateRecategorised';
      readonly category: TemplateCategory;
      readonly effectiveAt: Instant;
    });

export const templateStatuses = ['APPROVED', 'PAUSED', 'PENDING', 'REJECTED', 'DISABLED', 'DELETED'] as const;
/** Least to most restrictive: on a tie of provider times the later in this list wins (rules §5). */
export type TemplateStatus = (typeof templateStatuses)[number];

const statusOf: Record<TemplateStatusEvent['type'], TemplateStatus> = {
  TemplateApproved: 'APPROVED',
  TemplatePaused: 'PAUSED',
  TemplatePending: 'PENDING',
  TemplateRejected: 'REJECTED',
  TemplateDisabled: 'DISABLED',
  TemplateDeleted: 'DELETED',
};

export interface TemplateState {
  readonly name: string;
  readonly language: string;
  /** The revision of the template's stream that this state stands on. */
  readonly revision: number;
  readonly status?: TemplateStatus | undefined;
  readonly statusAt?: Instant | undefined;
  readonly categories: readonly { readonly effectiveAt: Instant; readonly category: TemplateCategory }[];
  readonly parameters?: readonly string[] | undefined;
  readonly parametersAt?: Instant | undefined;
}

export const initialTemplate = (name: string, language: string): TemplateState => ({
  name,
  language,
  revision: -1,
  categories: [],
});

const supersedes = (state: TemplateState, status: TemplateStatus, at: Instant): boolean =>
  state.status === undefined ||
  state.statusAt === undefined ||
  at > state.statusAt ||
  (at === state.statusAt && templateStatuses.indexOf(status) > templateStatuses.indexOf(state.status));

const isStatusEvent = (event: TemplateEvent): event is TemplateStatusEvent => event.type in statusOf;

export const evolveTemplate = (state: TemplateState, event: TemplateEvent): TemplateState => {
  if (isStatusEvent(event)) {
    const status = statusOf[event.type];
    const categorised = event.category === undefined ? state : recategorised(state, event.category, event.at);
    const told = event.parameters === undefined ? categorised : withParameters(categorised, event.parameters, event.at);
    return supersedes(state, status, event.at) ? { ...told, status, statusAt: event.at } : told;
  }
  return event.type === 'TemplateRecategorised' ? recategorised(state, event.category, event.effectiveAt) : state;
};

/** Whether it can change what the rules say; a warning or an unknown notice cannot. */
export const changesTemplate = (event: TemplateEvent): boolean =>
  isStatusEvent(event) || event.type === 'TemplateRecategorised';

/** Apart from the status, since not every event tells them: the latest list wins, and on a tie all are asked for. */
const withParameters = (state: TemplateState, parameters: readonly string[], at: Instant): TemplateState => {
  if (state.parametersAt === undefined || at > state.parametersAt) return { ...state, parameters, parametersAt: at };
  if (at < state.parametersAt) return state;
  return { ...state, parameters: [...new Set([...(state.parameters ?? []), ...parameters])] };
};

const strictness: Record<TemplateCategory, number> = { authentication: 0, utility: 1, marketing: 2 };

const recategorised = (state: TemplateState, category: TemplateCategory, effectiveAt: Instant): TemplateState => {
  const same = state.categories.find((entry) => entry.effectiveAt === effectiveAt);
  if (same !== undefined && strictness[same.category] >= strictness[category]) return state;
  const others = same === undefined ? state.categories : state.categories.filter((entry) => entry !== same);
  return { ...state, categories: withEntry(others, { effectiveAt, category }) };
};

/** The category at the instant: the template's own, whatever an intent declares (rules §5). */
export const categoryAt = (state: TemplateState, at: Instant): TemplateCategory | undefined =>
  (inForce(state.categories, at) ?? state.categories[0])?.category;

/** What each event of the providers means for the status: an event is not a state (platforms §2c). */
export const templateNotices = {
  APPROVED: 'TemplateApproved',
  REINSTATED: 'TemplateApproved',
  UNARCHIVED: 'TemplateApproved',
  PENDING: 'TemplatePending',
  LOCKED: 'TemplatePending',
  LIMIT_EXCEEDED: 'TemplatePending',
  REJECTED: 'TemplateRejected',
  PAUSED: 'TemplatePaused',
  DISABLED: 'TemplateDisabled',
  DELETED: 'TemplateDeleted',
  PENDING_DELETION: 'TemplateDeleted',
  ARCHIVED: 'TemplateDeleted',
  FLAGGED: 'TemplateFlagged',
  // An appeal changes nothing until it is answered.
  IN_APPEAL: 'TemplateFlagged',
  // What customers think of the template: a low score may end in a pause, which is an event of its own.
  QUALITY_GREEN: 'TemplateFlagged',
  QUALITY_YELLOW: 'TemplateFlagged',
  QUALITY_RED: 'TemplateFlagged',
  QUALITY_UNKNOWN: 'TemplateFlagged',
} as const satisfies Record<string, TemplateEvent['type']>;
export type TemplateNotice = keyof typeof templateNotices;
