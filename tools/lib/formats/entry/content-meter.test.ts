import { describe, expect, test } from 'vitest';
import { ContentMeter } from './content-meter.ts';

describe('a content meter', () => {
  test('returns the position of each piece', () => {
    const meter = new ContentMeter('a', 5);
    expect([meter.add(2), meter.add(0), meter.add(3)]).toEqual([0, 2, 2]);
    meter.close();
    expect(() => meter.add(0)).toThrow('a is closed');
  });

  test('refuses content that is too long, and does not count it', () => {
    const meter = new ContentMeter('a', 5);
    expect(() => meter.add(6)).toThrow('/a: its content is longer than the 5 bytes that the tree states');
    expect(meter.add(5)).toBe(0);
  });

  test('refuses to end before all content has arrived', () => {
    const meter = new ContentMeter('a\nb', 5);
    meter.add(4);
    expect(() => meter.close()).toThrow('/a\\012b: its content ends after 4 bytes, but the tree states 5');
  });
});
