import { componentsOf } from './template-components.js';

describe("a template's parameters as components", () => {
  const placed = (values: { readonly [name: string]: string }) => {
    const said = componentsOf(values);
    return said.kind === 'ready' ? said.components : said.remedy;
  };

  test('named parameters stand in the body under their names', () => {
    expect(placed({ first_name: 'Ann', order: '7' })).toEqual([
      {
        type: 'body',
        parameters: [
          { type: 'text', parameter_name: 'first_name', text: 'Ann' },
          { type: 'text', parameter_name: 'order', text: '7' },
        ],
      },
    ]);
  });

  test.each([[{ 2: 'b', 10: 'j', 1: 'a' }], [{ 'body[10]text': 'j', 'body[1]text': 'a', 'body[2]text': 'b' }]])(
    'numbered parameters %j stand in the order of their numbers',
    (values) => {
      expect(placed(values)).toEqual([
        {
          type: 'body',
          parameters: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
            { type: 'text', text: 'j' },
          ],
        },
      ]);
    },
  );

  test('headers and buttons have their own components, and a parameter of several fields is one', () => {
    expect(
      placed({
        'header[1]document.link': 'https://a/b.pdf',
        'header[1]document.filename': 'b.pdf',
        'body[1]text': 'Ann',
        'button[0]url[1]text': 'track/7',
        'button[1]quick_reply[1]payload': 'stop',
        'button[2]copy_code[1]coupon_code': 'SAVE',
      }),
    ).toEqual([
      {
        type: 'header',
        parameters: [{ type: 'document', document: { link: 'https://a/b.pdf', filename: 'b.pdf' } }],
      },
      { type: 'body', parameters: [{ type: 'text', text: 'Ann' }] },
      { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: 'track/7' }] },
      { type: 'button', sub_type: 'quick_reply', index: '1', parameters: [{ type: 'payload', payload: 'stop' }] },
      {
        type: 'button',
        sub_type: 'copy_code',
        index: '2',
        parameters: [{ type: 'coupon_code', coupon_code: 'SAVE' }],
      },
    ]);
  });

  test('none have no components', () => {
    expect(placed({})).toEqual([]);
  });

  test.each([
    [{ 'carousel[0]body[1]text': 'x' }],
    [{ 'body[0]text': 'x' }],
    [{ 'body[1]': 'x' }],
    [{ 'button[0][1]text': 'x' }],
    [{ 'first name': 'x' }],
    [{ 'body[1]__proto__.x': 'x' }],
    [{ 'header[1]image.link': 'x', 'header[1]text': 'y' }],
  ])('%j is told how to name them', (values) => {
    expect(placed(values)).toMatch(/^name /u);
  });
});
