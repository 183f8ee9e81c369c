//! `ProfileService`.

use tonic::{Request, Response, Status};

use super::{
    answer, context, translate,
    translate::{ListKind, PageRequest, Violations},
};
use crate::{
    domain::Error,
    pb::{
        CreateProfileRequest, CreateProfileResponse, DeleteProfileRequest, DeleteProfileResponse, GetProfileRequest,
        GetProfileResponse, ListProfilesRequest, ListProfilesResponse, UpdateProfileRequest, UpdateProfileResponse,
        profile_service_server::ProfileService,
    },
    services::Profiles,
};

/// The handlers of `ProfileService`.
pub(super) struct ProfileHandlers {
    profiles: Profiles,
}

impl ProfileHandlers {
    pub(super) const fn new(profiles: Profiles) -> Self {
        Self { profiles }
    }
}

#[tonic::async_trait]
impl ProfileService for ProfileHandlers {
    async fn create_profile(
        &self,
        request: Request<CreateProfileRequest>,
    ) -> Result<Response<CreateProfileResponse>, Status> {
        let context = context(&request)?;
        let new = translate::create_profile(request.into_inner())?;
        let outcome = self.profiles.create(&context, new).await?;
        Ok(answer(outcome, |profile| CreateProfileResponse { profile: Some(translate::profile(profile)) }))
    }

    async fn get_profile(&self, request: Request<GetProfileRequest>) -> Result<Response<GetProfileResponse>, Status> {
        let context = context(&request)?;
        let id = profile_id(&request.get_ref().profile_id)?;
        let profile = self.profiles.get(&context, &id).await?;
        Ok(Response::new(GetProfileResponse { profile: Some(translate::profile(profile)) }))
    }

    async fn list_profiles(
        &self,
        request: Request<ListProfilesRequest>,
    ) -> Result<Response<ListProfilesResponse>, Status> {
        let context = context(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let no_control = |c: char| !c.is_control();
        let name = violations.text("name", &request.name, 255, no_control, "must have at most 255 characters");
        let scope = (ListKind::Profiles, &context.tenant.id, request.name.as_str());
        let paging = PageRequest::read(scope, request.page_size, &request.page_token, &mut violations);
        let paging = violations.into_result(Some(paging))?;

        let list = self.profiles.list(&context, name.as_deref(), paging.page()).await?;
        let window = paging.window(list);
        Ok(Response::new(ListProfilesResponse {
            profiles: window.items.into_iter().flatten().map(translate::profile).collect(),
            next_page_token: window.next_page_token,
            total_size: window.total_size,
        }))
    }

    async fn update_profile(
        &self,
        request: Request<UpdateProfileRequest>,
    ) -> Result<Response<UpdateProfileResponse>, Status> {
        let context = context(&request)?;
        let (id, patch) = translate::update_profile(request.into_inner())?;
        let profile = self.profiles.update(&context, &id, patch).await?;
        Ok(Response::new(UpdateProfileResponse { profile: Some(translate::profile(profile)) }))
    }

    async fn delete_profile(
        &self,
        request: Request<DeleteProfileRequest>,
    ) -> Result<Response<DeleteProfileResponse>, Status> {
        let context = context(&request)?;
        let id = profile_id(&request.get_ref().profile_id)?;
        self.profiles.delete(&context, &id).await?;
        Ok(Response::new(DeleteProfileResponse {}))
    }
}

fn profile_id(profile_id: &str) -> Result<String, Error> {
    let mut violations = Violations::default();
    let id = violations.id("profile_id", profile_id);
    violations.into_result(id)
}
