import { metadataOf, type Understood } from '#apps/composition/intake';
import type { ChangeCommand } from '#application/record-changes';
import { accountStream } from '#application/streams';
import type { AccountEvent } from '#domain/account';
import type { Instant } from '#domain/time';

/** What a message about an account says has become of it. `takenAt` stands in for times that the message leaves out. */
export const accountChange = (parsed: Understood<'accounts'>, takenAt: Instant): ChangeCommand => ({
  stream: accountStream(parsed.data.account),
  event: (revision) => eventOf(parsed, takenAt, revision),
  metadata: metadataOf(parsed.envelope),
});

const eventOf = (parsed: Understood<'accounts'>, at: Instant, revision: number): AccountEvent => {
  switch (parsed.type) {
    case 'register-account':
      return { type: 'AccountRegistered', at: parsed.data.at ?? at, zone: parsed.data.zone };
    case 'register-sender':
      return { type: 'SenderRegistered', at, sender: parsed.data.sender, onboardedAt: parsed.data.onboardedAt };
    case 'change-policy': {
      // Its revision names this version of the account's policy for ever.
      const { preset, overrides, effectiveAt = at } = parsed.data;
      return { type: 'PolicyChanged', at, effectiveAt, preset, version: revision, overrides };
    }
    case 'change-allowance':
      return { type: 'AllowanceChanged', at, effectiveAt: parsed.data.effectiveAt ?? at, users: parsed.data.users };
    case 'change-keywords':
      return { type: 'KeywordsChanged', at, optOut: parsed.data.optOut };
    case 'change-zone':
      return { type: 'ZoneChanged', at, zone: parsed.data.zone };
  }
};
