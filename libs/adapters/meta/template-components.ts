/** A template's parameters as the Cloud API takes them. */
export interface Component {
  readonly type: 'header' | 'body' | 'button';
  readonly sub_type?: string;
  readonly index?: string;
  readonly parameters: readonly object[];
}

export type Components =
  | { readonly kind: 'ready'; readonly components: readonly Component[] }
  | { readonly kind: 'impossible'; readonly remedy: string };

/** `header[1]image.link`, `body[2]text`, `button[0]url[1]text`: also the keys that Sinch takes (platforms §1b). */
const STRUCTURED =
  /^(?:(?<part>header|body)|button\[(?<index>\d)\](?<subType>[a-z_]+))\[(?<position>[1-9]\d?)\](?<type>[a-z][a-z_]*)(?:\.(?<field>[a-z][a-z_]*))?$/u;

/** The name of a named parameter; only digits: a position. Both stand in the body. */
const BARE = /^[A-Za-z0-9_]{1,64}$/u;

interface Place {
  readonly type: Component['type'];
  readonly sub_type?: string;
  readonly index?: string;
}

interface Slot {
  readonly order: number;
  readonly parameter: { [key: string]: unknown };
}

/** The components that carry the values, each parameter in its place. */
export const componentsOf = (values: { readonly [name: string]: string }): Components => {
  const components = new Map<string, { readonly place: Place; readonly slots: Map<string, Slot> }>();
  const slotAt = (place: Place, name: string, order: number): Slot['parameter'] => {
    const key = `${place.type}/${place.index ?? ''}/${place.sub_type ?? ''}`;
    const component = components.get(key) ?? { place, slots: new Map<string, Slot>() };
    components.set(key, component);
    const slot = component.slots.get(name) ?? { order, parameter: {} };
    component.slots.set(name, slot);
    return slot.parameter;
  };
  for (const [name, value] of Object.entries(values)) {
    const structured = STRUCTURED.exec(name)?.groups;
    if (structured !== undefined) {
      const { part, index, subType, position = '', type = '', field } = structured;
      const place: Place =
        part === 'header' || part === 'body' ? { type: part } : { type: 'button', sub_type: subType, index };
      const parameter = slotAt(place, position, Number(position));
      if (parameter.type !== undefined && parameter.type !== type)
        return { kind: 'impossible', remedy: `name one type of parameter at ${name}` };
      parameter.type = type;
      const whole = parameter[type];
      if (field === undefined) parameter[type] = value;
      else parameter[type] = { ...(typeof whole === 'object' ? whole : {}), [field]: value };
    } else if (BARE.test(name)) {
      const isPosition = /^\d+$/u.test(name);
      const parameter = slotAt({ type: 'body' }, name, isPosition ? Number(name) : 0);
      parameter.type = 'text';
      if (!isPosition) parameter.parameter_name = name;
      parameter.text = value;
    } else {
      const remedy = 'name parameters like order_number, 1, body[1]text, header[1]image.link or button[0]url[1]text';
      return { kind: 'impossible', remedy };
    }
  }
  return {
    kind: 'ready',
    components: [...components.values()].map(({ place, slots }) => ({
      ...place,
      parameters: [...slots.values()].sort((a, b) => a.order - b.order).map(({ parameter }) => parameter),
    })),
  };
};
