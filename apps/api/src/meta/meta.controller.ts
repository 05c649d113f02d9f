/** What the API says of itself: `/v1/meta`. */
import { Controller, Get, Req } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';

import { Allow, READERS } from '../auth/access.decorator.js';
import { localeOf, type ApiRequest } from '../http/api-request.js';
import { Answers, Problems } from '../openapi/operation.decorators.js';
import { ErrorCatalogueView, errorCatalogueView, StateMachineView, stateMachineView } from './meta.view.js';

@ApiTags('Meta')
@Controller('v1/meta')
export class MetaController {
  @Get('state-machine')
  @Allow(READERS)
  @ApiOperation({
    summary: 'The states of a connection and the moves between them',
    operationId: 'getStateMachine',
  })
  @Answers(200, StateMachineView, 'The table that the engine runs on.')
  @Problems()
  stateMachine(@Req() request: ApiRequest): StateMachineView {
    return stateMachineView(localeOf(request));
  }

  @Get('errors')
  @Allow(READERS)
  @ApiOperation({ summary: 'Every error code', operationId: 'getErrorCatalogue' })
  @Answers(200, ErrorCatalogueView, 'The catalogue.')
  @Problems()
  errors(@Req() request: ApiRequest): ErrorCatalogueView {
    return errorCatalogueView(localeOf(request));
  }
}
