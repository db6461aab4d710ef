/**
 * Letters that are taken for a Latin letter or a digit, by what they are taken for. Source: the Latin, Cyrillic, Greek and
 * Armenian letters of `confusables.txt` 13.0 of the Unicode Security Mechanisms (UTS 39) that stand for one character, after
 * NFKC; Unicode License V3. Capitals are there beside small letters, because a name is seen as it was typed.
 */
const lettersTakenFor: Readonly<Record<string, string>> = {
  2: 'ꝚƧꙄ',
  3: 'ꞫȜƷꝪЗӠ',
  5: 'Ƽ',
  6: 'б',
  8: 'ȣȢ',
  9: 'Ꝯ',
  a: 'ɑαаΑА',
  b: 'ƄЬꞴΒВ',
  c: 'ᴄсС',
  d: 'ԁ',
  e: 'ꬲеҽΕЕ',
  f: 'ꬵꞙẝքꞘϜ',
  g: 'ɡᶃƍցԌ',
  h: 'һհΗН',
  i: 'ıɪɩιіꙇӏ',
  j: 'ϳјꞲͿЈ',
  k: 'ΚК',
  // The strokes of Han and Hangul may stand beside Latin letters.
  l: '1ƖǀΙІӀ丨ᅵ',
  m: 'ΜϺМ',
  n: 'ոռΝ',
  o: '0ᴏᴑꬽοσоօΟОՕᄋ',
  p: 'ρрΡР',
  q: 'ԛգզ',
  r: 'ꭇꭈᴦгƦ',
  s: 'ꜱƽѕЅՏ',
  t: 'ΤТ',
  u: 'ꞟᴜꭎꭒʋυսՍ',
  v: 'ᴠνѵѴ',
  w: 'ɯᴡѡԝաԜ',
  x: 'хꞳΧХ',
  y: 'ɣᶌʏỿꭚγуүΥУҮ',
  z: 'ᴢΖ',
  '-': 'ー一ᅳ',
};

/** What a character is taken for, where that is another one. */
export const lookAlikes: ReadonlyMap<string, string> = new Map(
  Object.entries(lettersTakenFor).flatMap(([seenAs, letters]) => [...letters].map((letter) => [letter, seenAs])),
);
