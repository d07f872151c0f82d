import { IsString, Matches, ValidateIf } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { Id, Says } from './fields.js';

/** A person by the aliases that the source knows: at least one. */
@JSONSchema({ anyOf: [{ required: ['phone'] }, { required: ['userId'] }] })
export class CustomerDto {
  @Says('E.164 digits, with or without the leading plus.')
  @ValidateIf((dto: CustomerDto) => dto.phone !== undefined || dto.userId === undefined)
  @IsString()
  @Matches(/^\+?[1-9][0-9]{5,14}$/u, { message: 'must be E.164 digits, for example +4915112345678' })
  phone?: string;

  @Says("The provider's id of the person, for example a BSUID.")
  @ValidateIf((dto: CustomerDto) => dto.userId !== undefined)
  @Id()
  userId?: string;
}

/** The aliases of one person as data: phone in bare digits. */
export interface CustomerAliases {
  readonly phone?: string | undefined;
  readonly userId?: string | undefined;
}

export const aliasesOf = (dto: CustomerDto): CustomerAliases => ({
  ...(dto.phone === undefined ? {} : { phone: dto.phone.replace('+', '') }),
  ...(dto.userId === undefined ? {} : { userId: dto.userId }),
});
