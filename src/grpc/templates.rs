//! `TemplateService`.

use tonic::{Request, Response};

use super::{RpcResult, context, respond, translate};
use crate::{
    pb::{
        CreateTemplateRequest, CreateTemplateResponse, ListTemplatesRequest, ListTemplatesResponse,
        UpdateTemplateRequest, UpdateTemplateResponse, template_service_server::TemplateService,
    },
    services::Templates,
};

#[tonic::async_trait]
impl TemplateService for Templates {
    async fn list_templates(&self, request: Request<ListTemplatesRequest>) -> RpcResult<ListTemplatesResponse> {
        let context = context(&request)?;
        let page = translate::list_templates(request.get_ref(), &context.tenant.id)?;
        let page = page.page_of_all(self.list(&context).await?);
        Ok(Response::new(ListTemplatesResponse {
            templates: page.items.into_iter().map(translate::template).collect(),
            next_page_token: page.next_page_token,
            total_size: page.total_size,
        }))
    }

    async fn create_template(&self, request: Request<CreateTemplateRequest>) -> RpcResult<CreateTemplateResponse> {
        let context = context(&request)?;
        let new = translate::create_template(request.into_inner())?;
        let outcome = self.create(&context, new).await?;
        Ok(respond(outcome, |template, _| CreateTemplateResponse { template: Some(translate::template(template)) }))
    }

    async fn update_template(&self, request: Request<UpdateTemplateRequest>) -> RpcResult<UpdateTemplateResponse> {
        let context = context(&request)?;
        let update = translate::update_template(request.into_inner())?;
        let template = self.update(&context, &update.id, &update.text).await?;
        Ok(Response::new(UpdateTemplateResponse { template: Some(translate::template(template)) }))
    }
}
