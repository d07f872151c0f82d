import type * as swagger from '@nestjs/swagger';

// The words of the HTTP API as Nest's OpenAPI decorators take them, without their package: to load it takes a fifth of
// the start, and nobody needs it before the first look at the description.

type Api = typeof swagger;
type Decorator = 'ApiBody' | 'ApiOkResponse' | 'ApiOperation' | 'ApiParam' | 'ApiQuery' | 'ApiResponse' | 'ApiTags';

const noted: ((api: Api) => void)[] = [];

const later = <Name extends Decorator>(name: Name): Api[Name] => {
  const decorator =
    (...words: unknown[]) =>
    (...place: unknown[]): void =>
      void noted.push((api) => Reflect.apply(Reflect.apply(api[name], api, words), api, place));
  return decorator as Api[Name];
};

export const ApiBody = later('ApiBody');
export const ApiOkResponse = later('ApiOkResponse');
export const ApiOperation = later('ApiOperation');
export const ApiParam = later('ApiParam');
export const ApiQuery = later('ApiQuery');
export const ApiResponse = later('ApiResponse');
export const ApiTags = later('ApiTags');

/** Says to the package what was noted since the last time. */
export const describeTo = (api: Api): void => {
  for (const say of noted.splice(0)) say(api);
};
