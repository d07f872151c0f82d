import { memoryDatabase } from '#adapters/postgres/memory-database';
import { readModelLaws } from './read-model.laws.js';

readModelLaws('PGlite', memoryDatabase);
