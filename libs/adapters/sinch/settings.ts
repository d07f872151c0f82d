import { Transform } from 'class-transformer';
import { IsIn, IsInstance, IsInt, IsOptional, Matches, Max, Min, ValidateBy } from 'class-validator';
import { Secret } from '#platform/secret';

export const regions = ['us', 'eu', 'br'] as const;
export type Region = (typeof regions)[number];

const isApps = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(value).length > 0 &&
  Object.values(value).every((app) => typeof app === 'string' && /^[\w-]{1,64}$/u.test(app));

/** How one account sends through Sinch. */
export class SinchSettings {
  @Matches(/^[\w-]{1,64}$/u, { message: "give the project's id from the Sinch dashboard" })
  projectId: string;

  /** Where the apps live; another region's host answers 404. */
  @IsIn(regions, { message: `use ${regions.join(', ')}: the region of the apps` })
  region: Region;

  @Matches(/^[\w-]{1,128}$/u, { message: "give the access key's id from the Sinch dashboard" })
  keyId: string;

  @Transform(({ value }): unknown => Secret.of(value))
  @IsInstance(Secret, { message: "give the access key's secret" })
  keySecret: Secret;

  /** The app of each sender: an app has one WhatsApp number. */
  @ValidateBy({
    name: 'isApps',
    validator: { validate: isApps, defaultMessage: () => 'name the app id of at least one sender' },
  })
  apps: { readonly [sender: string]: string };

  /** Messages a second of each sender: as fast as Sinch drains an app's queue, so that none waits there (platforms §1b). */
  @IsInt({ message: 'use a whole number of messages from 1 to 10000' })
  @Min(1, { message: 'use a whole number of messages from 1 to 10000' })
  @Max(10_000, { message: 'use a whole number of messages from 1 to 10000' })
  perSecond: number = 20;

  /** In place of the region's host, for tests and proxies. */
  @IsOptional()
  @Matches(/^https?:\/\/[^\s/]+$/u, { message: 'use https://host without a path, or leave it out' })
  apiUrl?: string;

  @IsOptional()
  @Matches(/^https?:\/\/[^\s/]+$/u, { message: 'use https://host without a path, or leave it out' })
  authUrl?: string;

  appOf(sender: string): string | undefined {
    return Object.hasOwn(this.apps, sender) ? this.apps[sender] : undefined;
  }
}
