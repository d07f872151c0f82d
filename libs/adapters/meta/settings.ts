import { Transform } from 'class-transformer';
import { IsInstance, IsInt, IsOptional, Matches, Max, Min, ValidateBy } from 'class-validator';
import { Secret } from '#platform/secret';

const isPhoneNumberIds = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length > 0 &&
  Object.values(value).every((id) => typeof id === 'string' && /^\d{1,32}$/u.test(id));

/** How one account sends through Meta's Cloud API. */
export class MetaSettings {
  @Transform(({ value }): unknown => Secret.of(value))
  @IsInstance(Secret, { message: "give a system user's access token" })
  accessToken: Secret;

  /** The phone number id of each sender. */
  @ValidateBy({
    name: 'isPhoneNumberIds',
    validator: {
      validate: isPhoneNumberIds,
      defaultMessage: () => 'name the phone number id, digits in quotes, of at least one sender',
    },
  })
  phoneNumberIds: { readonly [sender: string]: string };

  @Matches(/^v\d{1,3}\.\d$/u, { message: 'use a version of the Graph API, such as v24.0' })
  apiVersion: string = 'v24.0';

  /** Messages a second of each sender: 80, 1,000 once Meta raised it, 20 where staff write in the app too (platforms §2d). */
  @IsInt({ message: 'use a whole number of messages from 1 to 10000' })
  @Min(1, { message: 'use a whole number of messages from 1 to 10000' })
  @Max(10_000, { message: 'use a whole number of messages from 1 to 10000' })
  perSecond: number = 80;

  /** In place of graph.facebook.com, for tests and proxies. */
  @IsOptional()
  @Matches(/^https?:\/\/[^\s/]+$/u, { message: 'use https://host without a path, or leave it out' })
  apiUrl?: string;

  phoneNumberIdOf(sender: string): string | undefined {
    return Object.hasOwn(this.phoneNumberIds, sender) ? this.phoneNumberIds[sender] : undefined;
  }
}
