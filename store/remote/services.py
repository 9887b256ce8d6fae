"""The kinds of object store that a store can be in: a row each, with the words that its users know it by."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

OURS = {
    "machine_role": "true on a machine of a cloud that has a role, and needs no key",
    "allow_http": "true for a server without TLS",
    "cache": "folder on this machine for what was read",
    "cache_gb": "size of the embedding files that are kept there",
}


@dataclass(frozen=True, kw_only=True)
class Service:
    """One kind of object store."""

    client: str  # its class in the package
    options: Mapping[str, str]
    keys: frozenset[str]  # options of which one lets this machine in
    credentials: frozenset[str]  # variables of the environment of which one does
    variables: str  # those to name to a user
    place: str  # what else to check
    servers: Mapping[
        str, str
    ]  # options that tell one server or account from another, and their variables
    tag: str = "e_tag"  # what the package calls the version of a file on which a write may depend

    def find_server(self, options: Mapping[str, str]) -> str:
        """Which server and account are asked."""
        found = (options.get(one) or os.environ.get(name, "") for one, name in self.servers.items())
        return ",".join(found)

    @property
    def ways(self) -> str:
        return f"in the environment ({self.variables}) or with --store-option"


S3 = Service(
    client="S3Store",
    options={
        "endpoint": "address of a server other than AWS",
        "region": "region of the bucket",
        "access_key_id": "id of the access key",
        "secret_access_key": "the secret access key",
        "session_token": "token of a temporary access key",
        "skip_signature": "true for a bucket that anybody may read",
    },
    keys=frozenset({"access_key_id", "skip_signature"}),
    credentials=frozenset(
        {
            "AWS_ACCESS_KEY_ID",
            "AWS_SKIP_SIGNATURE",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        }
    ),
    variables="AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL",
    place="region",
    servers={"endpoint": "AWS_ENDPOINT_URL"},
)
AZURE = Service(
    client="AzureStore",
    options={
        "endpoint": "address of a server other than Azure",
        "account_name": "name of the storage account",
        "account_key": "the account's key",
        "sas_key": "a shared access signature",
        "skip_signature": "true for a container that anybody may read",
    },
    keys=frozenset({"account_key", "sas_key", "skip_signature"}),
    credentials=frozenset(
        {
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_SAS_TOKEN",
            "AZURE_STORAGE_SAS_KEY",
            "AZURE_STORAGE_CLIENT_SECRET",
            "AZURE_FEDERATED_TOKEN_FILE",
            "AZURE_SKIP_SIGNATURE",
        }
    ),
    variables="AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    place="account",
    servers={
        "endpoint": "AZURE_STORAGE_ENDPOINT",
        "account_name": "AZURE_STORAGE_ACCOUNT_NAME",
    },
)
GOOGLE = Service(
    client="GCSStore",
    options={
        "service_account": "file with the key of a service account",
        "service_account_key": "the key itself, as JSON",
        "application_credentials": "file that gcloud has written",
        "skip_signature": "true for a bucket that anybody may read",
    },
    keys=frozenset(
        {"service_account", "service_account_key", "application_credentials", "skip_signature"}
    ),
    credentials=frozenset(
        {
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            "GOOGLE_SKIP_SIGNATURE",
        }
    ),
    variables="GOOGLE_APPLICATION_CREDENTIALS or GOOGLE_SERVICE_ACCOUNT",
    place="project",
    servers={},
    tag="version",
)
SERVICES = {"s3": S3, "gs": GOOGLE, "az": AZURE}
