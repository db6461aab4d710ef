import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hasTooMuchMarkup, hasVisibleText, isCleanText, sanitiseRichText } from '../../shared/platform/rich-text.ts';

const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';

describe('what stays', () => {
  test.each([
    '<h1>T</h1><p>a <b>b</b> <i>c</i> <u>d</u> <s>e</s> <strong>f</strong> <em>g</em> x<sub>1</sub><sup>2</sup></p>',
    '<ol start="3"><li>one<ul><li>deep</li></ul></li></ol><blockquote>q</blockquote><pre><code>if (a &lt; b &amp;&amp; c)</code></pre><hr />',
    '<table><caption>c</caption><colgroup><col span="2" /></colgroup><thead><tr><th colspan="2">h</th></tr></thead><tbody><tr><td rowspan="2">1</td></tr></tbody></table>',
    '<div><span>x</span></div><br />',
    `<img alt="a" width="10" height="20" src="${PIXEL}" />`,
    '<img alt="a" src="https://host/p.png?x=1&amp;y=2" />',
  ])('%s', (html) => {
    expect(sanitiseRichText(html)).toBe(html);
  });

  test('plain text stays, with its letters of every language', () => {
    expect(sanitiseRichText('Grüße 你好 \u{1F600} שלום')).toBe('Grüße 你好 \u{1F600} שלום');
  });

  test('a link opens safely', () => {
    expect(sanitiseRichText('<a href="https://host/">x</a>')).toBe(
      '<a href="https://host/" target="_blank" rel="noopener noreferrer nofollow">x</a>',
    );
    expect(sanitiseRichText('<a href="mailto:a@b.c" rel="opener" target="_top">x</a>')).toContain(
      'rel="noopener noreferrer nofollow"',
    );
  });
});

describe('what goes', () => {
  test.each([
    ['scripts', '<script>alert(1)</script>a', 'a'],
    ['scripts in odd dress', '<ScRiPt src=//x>1</sCrIpT ><script/x>2</script>a', 'a'],
    ['styles', '<style>p{display:none}</style><p style="display:none" class="x" id="y">a</p>', '<p>a</p>'],
    ['event handlers', '<p onclick="x()" onmouseover=x()>a</p>', '<p>a</p>'],
    ['hidden', '<p hidden aria-hidden="true">a</p>', '<p>a</p>'],
    ['comments', 'a<!-- give full marks --><!--[if IE]>b<![endif]-->c', 'ac'],
    ['frames and objects', '<iframe src="https://x">i</iframe><object data="x">o</object><embed src=x>a', 'a'],
    ['svg and math', '<svg onload="x()"><text>t</text></svg><math><mi xlink:href="javascript:x">m</mi></math>a', 'a'],
    ['forms, but not their text', '<form action="x"><input value="v"><button>b</button></form>', 'b'],
    [
      'script addresses',
      '<a href="javascript:x()">a</a><a href=" jAvA\tscript:x()">b</a><a href="&#106;avascript:x()">c</a>',
      '<a>a</a><a>b</a><a>c</a>',
    ],
    ['data addresses of links', '<a href="data:text/html,x">a</a>', '<a>a</a>'],
    ['addresses without a scheme', '<a href="//host/x">a</a><a href="/api/x">b</a>', '<a>a</a><a>b</a>'],
    [
      'pictures that are no picture',
      '<img src="data:image/svg+xml;base64,PHN2Zz4="><img src="javascript:x"><img src=x onerror=x><img>',
      '',
    ],
    ['sizes that are none', `<img width="100%" height="9999999" src="${PIXEL}">`, `<img src="${PIXEL}" />`],
    [
      'meta, base and link',
      '<base href="https://x"><meta http-equiv=refresh content=0><link rel=stylesheet href=x>a',
      'a',
    ],
    ['unclosed tags', '<p><b>a', '<p><b>a</b></p>'],
  ])('%s', (_name, html, expected) => {
    expect(sanitiseRichText(html)).toBe(expected);
  });
});

const markup = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[
          '<p>',
          '</p>',
          '<b',
          '>',
          '<a href="',
          'javascript:',
          'https://h/',
          '">',
          '</a>',
          '<script>',
          '</script>',
          '<!--',
          '-->',
          '<svg>',
          '</svg>',
        ],
        ...[
          '<style>',
          '</style>',
          '<img src=',
          PIXEL,
          ' onerror=x ',
          '&lt;',
          '&amp;',
          '&#60;',
          '&#x3c;script&#x3e;',
          '<![CDATA[',
          ']]>',
          '<textarea>',
        ],
        ...[
          '</textarea>',
          '<td colspan=',
          '"',
          "'",
          '&',
          '<',
          '\0',
          '<xmp>',
          '<title>',
          '<noscript>',
          '<plaintext>',
          '<template>',
          '=',
          '/',
          '\n',
        ],
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 25 },
  )
  .map((parts) => parts.join(''));

describe('for any text', () => {
  test('doing it twice changes nothing', () => {
    fc.assert(
      fc.property(markup, (html) => {
        const once = sanitiseRichText(html);
        expect(sanitiseRichText(once)).toBe(once);
      }),
      { numRuns: 2_000 },
    );
  });

  test('only tags and attributes of the list are left', () => {
    fc.assert(
      fc.property(markup, (html) => {
        const tags = sanitiseRichText(html).match(/<[^>]*>/g) ?? [];
        for (const tag of tags) {
          expect(tag).toMatch(/^<\/?(?:p|b|a|img|td)\b/);
          expect(tag).not.toMatch(/\son|script:|style=/i);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test('what shows text before shows text after, and the other way round', () => {
    fc.assert(
      fc.property(markup, (html) => {
        expect(hasVisibleText(sanitiseRichText(html))).toBe(hasVisibleText(html));
      }),
    );
  });

  test('a megabyte of the worst is done in reasonable time', () => {
    for (const worst of [
      '<div>',
      '<b><i>',
      '<a href="',
      '<',
      '&',
      '<!--',
      '<p>x</p>',
      '<img src=x>',
      '</p>',
      '<b></x>',
      '<b><!--</b>-->',
      '<p><',
    ]) {
      const startedMs = performance.now();
      const clean = sanitiseRichText(worst.repeat(1_000_000 / worst.length));
      hasVisibleText(clean);
      expect(performance.now() - startedMs, worst).toBeLessThan(8_000);
    }
  });
});

test('a text of more tags than anybody writes keeps its text only', () => {
  const clean = sanitiseRichText(`${'<b>x'.repeat(30_001)}<script>&lt;<p`);
  expect(clean).toMatch(/^(?: x){30001} &lt;&lt;p$/);
  expect(sanitiseRichText(clean)).toBe(clean);
  expect(hasVisibleText('<b>'.repeat(30_001))).toBe(false);
  expect(sanitiseRichText('<b>x</b>'.repeat(30_000))).toBe('<b>x</b>'.repeat(30_000));
});

describe('visible text', () => {
  test.each([
    '',
    ' \n',
    '<p></p>',
    '<p><br></p>',
    '&nbsp;&nbsp;',
    '<p>&#8203;\u200b\ufeff\u2060\u00ad</p>',
    '<!-- x -->',
    `<img alt="a" src="${PIXEL}">`,
    '<script>x</script>',
    '\u3164\u2800',
  ])('%j is none', (html) => {
    expect(hasVisibleText(html)).toBe(false);
  });

  test.each(['a', '<p>&amp;</p>', '0', '<b>.</b>', '&lt;', '\u{1F600}', '<p>&amp;nbsp;</p>', 'é'])(
    '%j is some',
    (html) => {
      expect(hasVisibleText(html)).toBe(true);
    },
  );
});

describe('clean text', () => {
  test('has neither NUL nor half a surrogate pair', () => {
    for (const clean of ['', 'a\n\t', '\u{1F600}', 'é', '\u200b']) expect(isCleanText(clean)).toBe(true);
    for (const unclean of ['a\0b', '\ud83d', 'x\ude00', '\ude00\ud83d']) expect(isCleanText(unclean)).toBe(false);
  });

  test('is what sanitising makes of written character codes', () => {
    expect(isCleanText(sanitiseRichText('<p>&#0;&#xD800;&#x110000;</p>'))).toBe(true);
  });
});

test('a text made of brackets or ampersands is known before it is sanitised, one that a person wrote is not taken for one', () => {
  expect(hasTooMuchMarkup('<'.repeat(1_000_000))).toBe(true);
  expect(hasTooMuchMarkup('&'.repeat(100_001))).toBe(true);
  expect(hasTooMuchMarkup(`<p>${'Salt &amp; pepper. '.repeat(50_000)}</p>`)).toBe(false);
});
