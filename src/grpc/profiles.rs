//! `ProfileService`.

use tonic::{Request, Response};

use super::{RpcResult, context, respond, translate};
use crate::{
    pb::{
        CreateProfileRequest, CreateProfileResponse, DeleteProfileRequest, DeleteProfileResponse, GetProfileRequest,
        GetProfileResponse, ListProfilesRequest, ListProfilesResponse, UpdateProfileRequest, UpdateProfileResponse,
        profile_service_server::ProfileService,
    },
    services::Profiles,
};

#[tonic::async_trait]
impl ProfileService for Profiles {
    async fn create_profile(&self, request: Request<CreateProfileRequest>) -> RpcResult<CreateProfileResponse> {
        let context = context(&request)?;
        let new = translate::create_profile(request.into_inner(), self.private_webhooks())?;
        let outcome = self.create(&context, new).await?;
        let ours = self.webhook_url(&context.tenant);
        Ok(respond(outcome, |profile, _| CreateProfileResponse {
            profile: Some(translate::profile(profile, ours.as_deref())),
        }))
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> RpcResult<GetProfileResponse> {
        let context = context(&request)?;
        let id = translate::get_profile(request.get_ref())?;
        let ours = self.webhook_url(&context.tenant);
        let profile = translate::profile(self.get(&context, &id).await?, ours.as_deref());
        Ok(Response::new(GetProfileResponse { profile: Some(profile) }))
    }

    async fn list_profiles(&self, request: Request<ListProfilesRequest>) -> RpcResult<ListProfilesResponse> {
        let context = context(&request)?;
        let list = translate::list_profiles(request.get_ref(), &context.tenant.id)?;
        let profiles = self.list(&context, list.name.as_deref(), list.page.upstream_page()).await?;
        let page = list.page.page_of(profiles);
        let ours = self.webhook_url(&context.tenant);
        let profile = |profile| translate::profile(profile, ours.as_deref());
        Ok(Response::new(ListProfilesResponse {
            profiles: page.items.into_iter().flatten().map(profile).collect(),
            next_page_token: page.next_page_token,
            total_size: page.total_size,
        }))
    }

    async fn update_profile(&self, request: Request<UpdateProfileRequest>) -> RpcResult<UpdateProfileResponse> {
        let context = context(&request)?;
        let update = translate::update_profile(request.into_inner(), self.private_webhooks())?;
        let ours = self.webhook_url(&context.tenant);
        let profile = translate::profile(self.update(&context, &update.id, update.patch).await?, ours.as_deref());
        Ok(Response::new(UpdateProfileResponse { profile: Some(profile) }))
    }

    async fn delete_profile(&self, request: Request<DeleteProfileRequest>) -> RpcResult<DeleteProfileResponse> {
        let context = context(&request)?;
        let id = translate::delete_profile(request.get_ref())?;
        self.delete(&context, &id).await?;
        Ok(Response::new(DeleteProfileResponse {}))
    }
}
