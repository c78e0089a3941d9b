import { describe, expect, test } from 'vitest';
import { LOOPBACK } from '../../../src/proxy/options.ts';
import { createAllow } from '../../../src/proxy/upstream/address-policy.ts';

describe('--allow-backends', () => {
  test.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['[::1]', true],
    ['localhost', true],
    ['LOCALHOST', true],
    ['::ffff:127.0.0.1', true],
    ['10.0.0.5', false],
    ['::ffff:10.0.0.5', false],
    ['0.0.0.0', false],
    ['::', false],
    ['127.1', false],
    ['0177.0.0.1', false],
    ['0x7f000001', false],
    ['2130706433', false],
    ['evil.com', false],
    ['localhost.evil.com', false],
    ['', false],
  ])('lets %j through by default: %s', (host, allowed) => {
    expect(createAllow(LOOPBACK)(host)).toBe(allowed);
  });

  test('takes networks, addresses and names, and nothing else', () => {
    const allow = createAllow(['10.0.0.0/8', 'fd00::/8', '192.168.1.20', 'web1.internal']);
    expect(['10.9.9.9', 'fd12::1', '192.168.1.20', 'web1.internal'].every(allow)).toBe(true);
    expect(['11.0.0.1', 'fe80::1', '192.168.1.21', 'web2.internal'].some(allow)).toBe(false);
  });

  test.each(['', '10.0.0.0/33', '10.0.0/8', '127.1', 'a b', '10.0.0.0/8/8', '*', '\u001b[31m'])(
    'refuses %j with its name',
    (entry) => {
      expect(() => createAllow([entry])).toThrow(/is not an address, a network or a name/);
    },
  );
});
