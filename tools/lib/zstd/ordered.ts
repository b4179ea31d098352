export { IN_FLIGHT, mapInOrder } from '../parallel/ordered.ts';
