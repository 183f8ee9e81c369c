//! `TemplateService`.

use tonic::{Request, Response, Status};

use super::{
    answer, context, translate,
    translate::{ListKind, PageRequest, Violations},
};
use crate::{
    pb::{
        CreateTemplateRequest, CreateTemplateResponse, ListTemplatesRequest, ListTemplatesResponse,
        UpdateTemplateRequest, UpdateTemplateResponse, template_service_server::TemplateService,
    },
    services::{NewTemplate, Templates},
};

/// The handlers of `TemplateService`.
pub(super) struct TemplateHandlers {
    templates: Templates,
}

impl TemplateHandlers {
    pub(super) const fn new(templates: Templates) -> Self {
        Self { templates }
    }
}

#[tonic::async_trait]
impl TemplateService for TemplateHandlers {
    async fn list_templates(
        &self,
        request: Request<ListTemplatesRequest>,
    ) -> Result<Response<ListTemplatesResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let scope = (ListKind::Templates, &context.tenant.id, "");
        let paging = PageRequest::read(scope, request.page_size, &request.page_token, &mut violations);
        let paging = violations.into_result(Some(paging))?;

        let templates = self.templates.list(&context).await?;
        let window = paging.window_of_all(templates);
        Ok(Response::new(ListTemplatesResponse {
            templates: window.items.into_iter().map(translate::template).collect(),
            next_page_token: window.next_page_token,
            total_size: window.total_size,
        }))
    }

    async fn create_template(
        &self,
        request: Request<CreateTemplateRequest>,
    ) -> Result<Response<CreateTemplateResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = violations.request_id(&request.request_id);
        translate::template_text(&request.text, &mut violations);
        let new = violations.into_result(Some(NewTemplate { request_id, text: request.text }))?;
        let outcome = self.templates.create(&context, new).await?;
        Ok(answer(outcome, |template| CreateTemplateResponse { template: Some(translate::template(template)) }))
    }

    async fn update_template(
        &self,
        request: Request<UpdateTemplateRequest>,
    ) -> Result<Response<UpdateTemplateResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let id = violations.id("template_id", &request.template_id);
        translate::template_text(&request.text, &mut violations);
        let id = violations.into_result(id)?;
        let template = self.templates.update(&context, &id, &request.text).await?;
        Ok(Response::new(UpdateTemplateResponse { template: Some(translate::template(template)) }))
    }
}
