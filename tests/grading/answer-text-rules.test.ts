import fc from 'fast-check';
import sanitizeHtml from 'sanitize-html';
import { describe, expect, test } from 'vitest';
import { readAnswer, toPlainText } from '../../shared/grading/answer-text-rules.ts';

describe('toPlainText', () => {
  test.each([
    ['inline tags vanish', '<p>He<b>ll</b>o <i>you</i></p>', 'Hello you'],
    ['paragraphs begin new lines', '<p>one</p><p>two</p>', 'one\ntwo'],
    ['blocks in blocks begin one line', '<div><div><p>one</p></div></div>two', 'one\ntwo'],
    ['breaks and rules begin new lines', 'a<br>b<br/>c<hr>d', 'a\nb\nc\nd'],
    ['list items begin new lines', '<ul><li>a</li><li>b</li></ul>', 'a\nb'],
    ['unclosed list items begin new lines', '<ul><li>a<li>b</ul>', 'a\nb'],
    ['headings begin new lines', '<h1>a</h1><h6>b</h6>c', 'a\nb\nc'],
    [
      'cells are set apart, rows begin new lines',
      '<table><tr><td>a</td><th>b</th></tr><tr><td>c</td></tr></table>',
      'a b\nc',
    ],
    ['white space collapses', ' a \n\t b&nbsp;&nbsp;c\u2003d ', 'a b c d'],
    ['white space around tags collapses', 'a <b> b</b> <i>c </i> d', 'a b c d'],
    ['white space at line ends goes', '<p> a </p> <p> b </p>', 'a\nb'],
    ['entities are decoded', '&lt;b&gt; &amp;amp; &quot;x&quot; &#233;&#x1F600; &euro;', '<b> &amp; "x" é😀 €'],
    ['entities keep the spaces beside them', 'a &amp; b', 'a & b'],
    [
      'preformatted text keeps its lines and indents',
      'x<pre>def f():\r\n    return  1\rend</pre>y',
      'x\ndef f():\n    return  1\nend\ny',
    ],
    [
      'white space collapses again after preformatted text',
      '<pre>a  b</pre></pre>c  d<pre>e  f</pre>',
      'a  b\nc d\ne  f',
    ],
    ['scripts and styles go', 'a<script>if (1 < 2) x()</script>b<style>p {}</style>c', 'abc'],
    [
      'templates, titles and frames go',
      'a<template><p>b</p></template><title>c</title><iframe>d</iframe><noscript>e</noscript>',
      'a',
    ],
    ['comments go', 'a<!-- b -->c<!-- d', 'ac'],
    ['hidden elements go with all they contain', 'a<div hidden>b<div>c</div>d</div>e', 'ae'],
    ['hidden elements go with elements of other names in them', '<div hidden>a<b>c</b>d</div>e', 'e'],
    ['preformatted text may contain other elements', '<pre>a  <b>b</b>  c</pre>', 'a  b  c'],
    ['only styles hide by what they say', '<span title="display:none" data-x="opacity:0">a</span>', 'a'],
    ['an open end is text', 'a &am', 'a &am'],
    ['hidden paragraphs end at the next one', '<p hidden>a<p>b', 'b'],
    ['upper case is the same', 'A<BR>b<DIV HIDDEN>c</DIV><SCRIPT>d</SCRIPT>', 'A\nb'],
    ['display:none goes', '<span style="color: red; DISPLAY : none">a</span>b', 'b'],
    ['visibility:hidden goes', '<span style="visibility:hidden">a</span>b', 'b'],
    ['opacity 0 goes', '<span style="opacity: 0.0">a</span>b', 'b'],
    ['a font of no size goes', '<span style="font-size:0px;color:red">a</span>b', 'b'],
    ['entities do not hide the hiding', '<span style="display&#58;none">a</span>b', 'b'],
    ['comments in styles do not hide the hiding', '<span style="display/* x */:none">a</span>b', 'b'],
    [
      'ordinary styles stay',
      '<span style="opacity:0.5;font-size:0.8em;display:block;visibility:visible">a</span>b',
      'ab',
    ],
    ['other attributes stay', '<span title="hidden" data-hidden="1" aria-hidden="true" class="hidden">a</span>b', 'ab'],
    ['hiding ends with its element', '<b hidden>a</b><b>c</b>', 'c'],
    ['a hidden void element hides nothing', 'a<br hidden>b<img hidden>c', 'a\nbc'],
    ['a self-closed element is open', 'a<span hidden/>b</span>c', 'ac'],
    ['unbalanced closing tags do no harm', 'a</div></span></pre>b', 'a\nb'],
    ['lonely brackets are text', '1 < 2 and 3 > 2', '1 < 2 and 3 > 2'],
    ['NUL and lone surrogates go', 'a\u0000b\ud800c', 'abc'],
    ['nothing stays nothing', '<p> &nbsp; </p><br>', ''],
  ])('%s', (_name, html, expected) => {
    expect(toPlainText(html)).toBe(expected);
  });

  test('is at most a million characters and does not cut a sign in two', () => {
    expect(toPlainText('a'.repeat(1_000_010))).toHaveLength(1_000_000);
    expect(toPlainText(`${'a'.repeat(999_999)}\u{1f600}`)).toBe('a'.repeat(999_999));
    expect(toPlainText(`<p>${'a'.repeat(600_000)}</p>`.repeat(2))).toHaveLength(1_000_000);
  });

  const fragment = fc.constantFrom(
    '<p>',
    '</p>',
    '<br>',
    '<ul><li>',
    '</li></ul>',
    '<b>',
    '</b>',
    '<pre>',
    '</pre>',
    '<div hidden>',
    '</div>',
    ' ',
    '\n',
    '&nbsp;',
    'word',
    'Ünïcode',
    '<script>x</script>',
    '<!-- c -->',
    '<a href="https://example.org">',
    '</a>',
    '😀',
    '<td>',
    '<img src="x">',
  );
  const html = fc.array(fc.oneof(fragment, fc.string()), { maxLength: 40 }).map((parts) => parts.join(''));

  test('leaves no tag of sanitised HTML in the text', () => {
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 40 }), (parts) => {
        expect(toPlainText(sanitizeHtml(parts.join('')))).not.toMatch(/[<>]/);
      }),
    );
  });

  test('gives trimmed, well-formed text for any input, the same every time', () => {
    fc.assert(
      fc.property(html, (input) => {
        const text = toPlainText(input);
        expect(text).toBe(text.trim());
        expect(text.isWellFormed()).toBe(true);
        expect(text).not.toContain('\u0000');
        expect(toPlainText(input)).toBe(text);
      }),
    );
  });

  test('collapses white space outside of preformatted text', () => {
    fc.assert(
      fc.property(html, (input) => {
        expect(toPlainText(input.replaceAll(/<\/?pre>/gi, ''))).not.toMatch(/ {2}|\n\n| \n|\n /);
      }),
    );
  });
});

describe('readAnswer', () => {
  test('keeps apart what the page does not show, each on its own line', () => {
    expect(readAnswer('a<b hidden>x <i>y</i></b> b<!-- z --><span style="display:none">w</span>')).toEqual({
      text: 'a b',
      hiddenText: 'x y\nz\nw',
    });
    expect(readAnswer('<p>plain</p>').hiddenText).toBe('');
    expect(readAnswer('<b hidden>x  y</b><b hidden>z</b><!--v--><b hidden>w</b>').hiddenText).toBe('x y\nz\nv\nw');
  });
});
