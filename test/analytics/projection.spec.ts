import { memoryDatabase } from '#adapters/postgres/memory-database';
import { projectionLaws } from './projection.laws.js';

projectionLaws('PGlite', memoryDatabase);
