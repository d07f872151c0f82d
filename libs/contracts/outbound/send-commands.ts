import type { OutgoingMessage } from '#application/ports/message-queue';
import type { SendCommand, SendCommandDto } from '../inbound/send-commands.js';
import { partitionKey } from '../topics.js';
import { outgoing, written, type Attributes } from './outgoing.js';

export const sendCommandMessage = (command: SendCommand, attributes: Attributes): OutgoingMessage =>
  outgoing('send-commands', 'command', partitionKey(command.account, command.customer), attributes, {
    ...command,
    validUntil: written(command.validUntil),
  } satisfies SendCommandDto);
