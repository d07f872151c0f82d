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

/** A person that the gate knows already: by id, as decisions and the API name it, or by an alias. The id prevails. */
@JSONSchema({ anyOf: [{ required: ['id'] }, { required: ['phone'] }, { required: ['userId'] }] })
export class KnownCustomerDto {
  @ValidateIf((dto: KnownCustomerDto) => dto.id !== undefined)
  @Says('As decisions and the API name the customer.')
  @IsString()
  @Matches(/^[A-Za-z0-9_-]{26}$/u, { message: 'must be the 26 characters that a decision names' })
  id?: string;

  @ValidateIf((dto: KnownCustomerDto) => dto.phone !== undefined || (dto.id === undefined && dto.userId === undefined))
  @Says('E.164 digits, with or without the leading plus.')
  @IsString()
  @Matches(/^\+?[1-9][0-9]{5,14}$/u, { message: 'must be E.164 digits, for example +4915112345678' })
  phone?: string;

  @ValidateIf((dto: KnownCustomerDto) => dto.userId !== undefined)
  @Says("The provider's id of the person, for example a BSUID.")
  @Id()
  userId?: string;
}

/** The aliases of one person as data: phone in bare digits. */
export interface CustomerAliases {
  readonly phone?: string | undefined;
  readonly userId?: string | undefined;
}

export const aliasesOf = (dto: Pick<CustomerDto, 'phone' | 'userId'>): CustomerAliases => ({
  ...(dto.phone === undefined ? {} : { phone: dto.phone.replace('+', '') }),
  ...(dto.userId === undefined ? {} : { userId: dto.userId }),
});
