--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: apicrtodatabasemapping; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.apicrtodatabasemapping (
    api_resource_type character varying(64) NOT NULL,
    api_resource_uid character varying(64) NOT NULL,
    db_relation_type character varying(32) NOT NULL,
    db_relation_key character varying(64) NOT NULL,
    seq_id integer NOT NULL,
    api_resource_name character varying(256) NOT NULL,
    api_resource_namespace character varying(256) NOT NULL,
    api_resource_namespace_uid character varying(64) NOT NULL
);


--
-- Name: apicrtodatabasemapping_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.apicrtodatabasemapping_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: apicrtodatabasemapping_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.apicrtodatabasemapping_seq_id_seq OWNED BY public.apicrtodatabasemapping.seq_id;


--
-- Name: application; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.application (
    application_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    name character varying(256) NOT NULL,
    spec_field character varying(16384) NOT NULL,
    engine_instance_inst_id character varying(48) NOT NULL,
    managed_environment_id character varying(48),
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: application_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.application_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: application_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.application_seq_id_seq OWNED BY public.application.seq_id;


--
-- Name: applicationowner; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.applicationowner (
    application_owner_application_id character varying(48) NOT NULL,
    application_owner_user_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: applicationowner_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.applicationowner_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: applicationowner_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.applicationowner_seq_id_seq OWNED BY public.applicationowner.seq_id;


--
-- Name: applicationstate; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.applicationstate (
    applicationstate_application_id character varying(48) NOT NULL,
    argocd_application_status bytea,
    digest character varying(64),
    unread boolean DEFAULT true NOT NULL
);


--
-- Name: appprojectmanagedenvironment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.appprojectmanagedenvironment (
    appproject_managedenv_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    clusteruser_id character varying(48) NOT NULL,
    managed_environment_id character varying(48) NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: appprojectmanagedenvironment_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.appprojectmanagedenvironment_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: appprojectmanagedenvironment_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.appprojectmanagedenvironment_seq_id_seq OWNED BY public.appprojectmanagedenvironment.seq_id;


--
-- Name: appprojectrepository; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.appprojectrepository (
    appproject_repository_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    clusteruser_id character varying(48) NOT NULL,
    repo_url character varying(256) NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    repo_url_as_written character varying(512) DEFAULT ''::character varying NOT NULL
);


--
-- Name: appprojectrepository_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.appprojectrepository_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: appprojectrepository_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.appprojectrepository_seq_id_seq OWNED BY public.appprojectrepository.seq_id;


--
-- Name: clusteraccess; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clusteraccess (
    clusteraccess_user_id character varying(48) NOT NULL,
    clusteraccess_managed_environment_id character varying(48) NOT NULL,
    clusteraccess_gitops_engine_instance_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: clusteraccess_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.clusteraccess_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: clusteraccess_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.clusteraccess_seq_id_seq OWNED BY public.clusteraccess.seq_id;


--
-- Name: clustercredentials; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clustercredentials (
    clustercredentials_cred_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    host character varying(512),
    kube_config character varying(65000),
    kube_config_context character varying(64),
    serviceaccount_bearer_token character varying(2048),
    serviceaccount_ns character varying(128),
    allowinsecure_skiptlsverify boolean DEFAULT false,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL,
    namespaces character varying(4096),
    cluster_resources boolean DEFAULT false
);


--
-- Name: clustercredentials_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.clustercredentials_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: clustercredentials_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.clustercredentials_seq_id_seq OWNED BY public.clustercredentials.seq_id;


--
-- Name: clusteruser; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.clusteruser (
    clusteruser_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    user_name character varying(256) NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP,
    display_name character varying(128)
);


--
-- Name: clusteruser_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.clusteruser_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: clusteruser_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.clusteruser_seq_id_seq OWNED BY public.clusteruser.seq_id;


--
-- Name: deploymenttoapplicationmapping; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deploymenttoapplicationmapping (
    deploymenttoapplicationmapping_uid_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    name character varying(256),
    namespace character varying(96),
    namespace_uid character varying(48),
    application_id character varying(48) NOT NULL,
    repo_url character varying(512)
);


--
-- Name: deploymenttoapplicationmapping_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.deploymenttoapplicationmapping_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: deploymenttoapplicationmapping_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.deploymenttoapplicationmapping_seq_id_seq OWNED BY public.deploymenttoapplicationmapping.seq_id;


--
-- Name: fence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.fence (
    role character varying(32) NOT NULL,
    epoch bigint NOT NULL,
    holder character varying(256) NOT NULL,
    taken_at bigint
);


--
-- Name: gitopsenginecluster; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gitopsenginecluster (
    gitopsenginecluster_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    clustercredentials_id character varying(48) NOT NULL
);


--
-- Name: gitopsenginecluster_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.gitopsenginecluster_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: gitopsenginecluster_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.gitopsenginecluster_seq_id_seq OWNED BY public.gitopsenginecluster.seq_id;


--
-- Name: gitopsengineinstance; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.gitopsengineinstance (
    gitopsengineinstance_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    namespace_name character varying(48) NOT NULL,
    namespace_uid character varying(48) NOT NULL,
    enginecluster_id character varying(48) NOT NULL
);


--
-- Name: gitopsengineinstance_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.gitopsengineinstance_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: gitopsengineinstance_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.gitopsengineinstance_seq_id_seq OWNED BY public.gitopsengineinstance.seq_id;


--
-- Name: kubernetestodbresourcemapping; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.kubernetestodbresourcemapping (
    kubernetes_resource_type character varying(64) NOT NULL,
    kubernetes_resource_uid character varying(64) NOT NULL,
    db_relation_type character varying(64) NOT NULL,
    db_relation_key character varying(64) NOT NULL,
    seq_id integer NOT NULL
);


--
-- Name: kubernetestodbresourcemapping_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.kubernetestodbresourcemapping_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: kubernetestodbresourcemapping_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.kubernetestodbresourcemapping_seq_id_seq OWNED BY public.kubernetestodbresourcemapping.seq_id;


--
-- Name: machine; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.machine (
    kind character varying(32) NOT NULL,
    key character varying(64) NOT NULL,
    tenant_uid character varying(64) NOT NULL,
    namespace character varying(256) NOT NULL,
    name character varying(256) NOT NULL,
    state text NOT NULL,
    state_path character varying(256) NOT NULL,
    version bigint NOT NULL,
    wake_at bigint,
    owes boolean NOT NULL,
    updated_at bigint NOT NULL
);


--
-- Name: managedenvironment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.managedenvironment (
    managedenvironment_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    name character varying(256) NOT NULL,
    clustercredentials_id character varying(48) NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP NOT NULL
);


--
-- Name: managedenvironment_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.managedenvironment_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: managedenvironment_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.managedenvironment_seq_id_seq OWNED BY public.managedenvironment.seq_id;


--
-- Name: operation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.operation (
    operation_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    instance_id character varying(48) NOT NULL,
    resource_id character varying(48) NOT NULL,
    operation_owner_user_id character varying(48),
    resource_type character varying(32) NOT NULL,
    created_on timestamp without time zone NOT NULL,
    last_state_update timestamp without time zone NOT NULL,
    state character varying(30) NOT NULL,
    human_readable_state character varying(1024),
    gc_expiration_time integer,
    requester character varying(48)
);


--
-- Name: operation_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.operation_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: operation_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.operation_seq_id_seq OWNED BY public.operation.seq_id;


--
-- Name: repositorycredentials; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.repositorycredentials (
    repositorycredentials_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    repo_cred_user_id character varying(48) NOT NULL,
    repo_cred_url character varying(512) NOT NULL,
    repo_cred_user character varying(256),
    repo_cred_pass character varying(1024),
    repo_cred_ssh character varying(1024),
    repo_cred_secret character varying(48) NOT NULL,
    repo_cred_engine_id character varying(48) NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: repositorycredentials_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.repositorycredentials_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: repositorycredentials_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.repositorycredentials_seq_id_seq OWNED BY public.repositorycredentials.seq_id;


--
-- Name: seaql_migrations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.seaql_migrations (
    version character varying NOT NULL,
    applied_at bigint NOT NULL
);


--
-- Name: syncoperation; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.syncoperation (
    syncoperation_id character varying(48) NOT NULL,
    seq_id integer NOT NULL,
    application_id character varying(48),
    deployment_name character varying(256) NOT NULL,
    revision character varying(256) NOT NULL,
    desired_state character varying(16) NOT NULL,
    created_on timestamp without time zone DEFAULT CURRENT_TIMESTAMP
);


--
-- Name: syncoperation_seq_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.syncoperation_seq_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: syncoperation_seq_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.syncoperation_seq_id_seq OWNED BY public.syncoperation.seq_id;


--
-- Name: transition; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transition (
    id bigint NOT NULL,
    kind character varying(32) NOT NULL,
    key character varying(64) NOT NULL,
    at bigint NOT NULL,
    from_path character varying(256) NOT NULL,
    to_path character varying(256) NOT NULL,
    cause character varying(256) NOT NULL,
    generation bigint NOT NULL
);


--
-- Name: transition_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.transition_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: transition_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.transition_id_seq OWNED BY public.transition.id;


--
-- Name: apicrtodatabasemapping seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apicrtodatabasemapping ALTER COLUMN seq_id SET DEFAULT nextval('public.apicrtodatabasemapping_seq_id_seq'::regclass);


--
-- Name: application seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.application ALTER COLUMN seq_id SET DEFAULT nextval('public.application_seq_id_seq'::regclass);


--
-- Name: applicationowner seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.applicationowner ALTER COLUMN seq_id SET DEFAULT nextval('public.applicationowner_seq_id_seq'::regclass);


--
-- Name: appprojectmanagedenvironment seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectmanagedenvironment ALTER COLUMN seq_id SET DEFAULT nextval('public.appprojectmanagedenvironment_seq_id_seq'::regclass);


--
-- Name: appprojectrepository seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectrepository ALTER COLUMN seq_id SET DEFAULT nextval('public.appprojectrepository_seq_id_seq'::regclass);


--
-- Name: clusteraccess seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteraccess ALTER COLUMN seq_id SET DEFAULT nextval('public.clusteraccess_seq_id_seq'::regclass);


--
-- Name: clustercredentials seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clustercredentials ALTER COLUMN seq_id SET DEFAULT nextval('public.clustercredentials_seq_id_seq'::regclass);


--
-- Name: clusteruser seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteruser ALTER COLUMN seq_id SET DEFAULT nextval('public.clusteruser_seq_id_seq'::regclass);


--
-- Name: deploymenttoapplicationmapping seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deploymenttoapplicationmapping ALTER COLUMN seq_id SET DEFAULT nextval('public.deploymenttoapplicationmapping_seq_id_seq'::regclass);


--
-- Name: gitopsenginecluster seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsenginecluster ALTER COLUMN seq_id SET DEFAULT nextval('public.gitopsenginecluster_seq_id_seq'::regclass);


--
-- Name: gitopsengineinstance seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsengineinstance ALTER COLUMN seq_id SET DEFAULT nextval('public.gitopsengineinstance_seq_id_seq'::regclass);


--
-- Name: kubernetestodbresourcemapping seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kubernetestodbresourcemapping ALTER COLUMN seq_id SET DEFAULT nextval('public.kubernetestodbresourcemapping_seq_id_seq'::regclass);


--
-- Name: managedenvironment seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.managedenvironment ALTER COLUMN seq_id SET DEFAULT nextval('public.managedenvironment_seq_id_seq'::regclass);


--
-- Name: operation seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operation ALTER COLUMN seq_id SET DEFAULT nextval('public.operation_seq_id_seq'::regclass);


--
-- Name: repositorycredentials seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.repositorycredentials ALTER COLUMN seq_id SET DEFAULT nextval('public.repositorycredentials_seq_id_seq'::regclass);


--
-- Name: syncoperation seq_id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.syncoperation ALTER COLUMN seq_id SET DEFAULT nextval('public.syncoperation_seq_id_seq'::regclass);


--
-- Name: transition id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transition ALTER COLUMN id SET DEFAULT nextval('public.transition_id_seq'::regclass);


--
-- Data for Name: apicrtodatabasemapping; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: application; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.application VALUES ('0a7b8983-69fb-58a4-9219-e2dc24808ded', 2, 'gitopsdepl-6bc2bade-e2e4-4044-a6d8-47377ac4909d', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-6bc2bade-e2e4-4044-a6d8-47377ac4909d
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy: null
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.112');
INSERT INTO public.application VALUES ('9ee5225b-ea1e-594f-9fa1-cf63aefcd13f', 4, 'gitopsdepl-e4247628-4bad-42ad-a746-bb781e86313e', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-e4247628-4bad-42ad-a746-bb781e86313e
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/protected
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.112');
INSERT INTO public.application VALUES ('1958fd0b-b869-5577-b22f-79bc3569bddc', 6, 'gitopsdepl-758226cf-f69a-400f-a641-47c149cd9901', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-758226cf-f69a-400f-a641-47c149cd9901
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/protected
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('ed9774e9-2881-5491-b9eb-7467cabe537e', 14, 'gitopsdepl-0645613b-2574-4355-bb0c-7099fa1655aa', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-0645613b-2574-4355-bb0c-7099fa1655aa
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy: null
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('da8e12b3-3a66-5ac4-89e5-25cc11077c2d', 24, 'gitopsdepl-3003d911-47c2-407f-8824-7b5095d35d42', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-3003d911-47c2-407f-8824-7b5095d35d42
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.152');
INSERT INTO public.application VALUES ('b9504b1d-6ee5-520f-a238-3f1340b77662', 7, 'gitopsdepl-217ef27a-e063-4759-95da-b4d405b9fcfc', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-217ef27a-e063-4759-95da-b4d405b9fcfc
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('bf8a9569-8043-59ce-b096-297fec46ad66', 8, 'gitopsdepl-a3888286-683c-4bc3-8ec8-7fdef7e4d407', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-a3888286-683c-4bc3-8ec8-7fdef7e4d407
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy: null
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('cbc3e472-7289-580a-979a-26440d2b7706', 9, 'gitopsdepl-c725680a-25cf-43b1-89b6-f3c8304c3be3', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-c725680a-25cf-43b1-89b6-f3c8304c3be3
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy: null
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('d09b3c36-c55b-5a5b-b0e4-93a63a86c450', 10, 'gitopsdepl-ed7ee6e7-99c1-4e7b-bd9b-311a84839d45', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-ed7ee6e7-99c1-4e7b-bd9b-311a84839d45
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/4
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('d760778c-6cd7-55d5-981a-b9b6b747ae3d', 11, 'gitopsdepl-bd30d7fa-0cdb-4552-8fcc-3d47cec83131', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-bd30d7fa-0cdb-4552-8fcc-3d47cec83131
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('e4475e3a-2e6f-5cf1-975a-05ded60e117e', 12, 'gitopsdepl-81d5bca9-e879-4876-95d7-026202ae1554', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-81d5bca9-e879-4876-95d7-026202ae1554
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/protected
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('eacfc2ea-bb69-5b89-b840-307975936ba6', 13, 'gitopsdepl-ed8d185d-43ff-46cf-9791-3f42c0528f7a', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-ed8d185d-43ff-46cf-9791-3f42c0528f7a
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy: null
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('f18bf1a8-e083-51f8-b1a4-b13c8c9f2025', 15, 'gitopsdepl-7e7f1537-5d3c-4063-961c-ec6f784b4750', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-7e7f1537-5d3c-4063-961c-ec6f784b4750
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/protected
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.204');
INSERT INTO public.application VALUES ('02f0460d-f05e-5345-a5b2-92dd2bbac4cf', 16, 'gitopsdepl-ecb07525-b7f2-41b0-89ab-606b295737b5', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-ecb07525-b7f2-41b0-89ab-606b295737b5
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/protected
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.316');
INSERT INTO public.application VALUES ('689528be-c61e-5024-84cb-97ae8b87331c', 17, 'gitopsdepl-e82b59b3-6d7f-4b37-a82d-5ded62bdf537', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-e82b59b3-6d7f-4b37-a82d-5ded62bdf537
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/5
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.316');
INSERT INTO public.application VALUES ('96a9654d-c82b-5736-9fce-584871f3d500', 18, 'gitopsdepl-e9c6a912-7e8a-4e05-b76e-e911aaad625c', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-e9c6a912-7e8a-4e05-b76e-e911aaad625c
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy: null
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.316');
INSERT INTO public.application VALUES ('9f8ab7f1-d7fa-585a-bf40-f2fc47550730', 19, 'gitopsdepl-24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: missing-path
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.316');
INSERT INTO public.application VALUES ('d511c28a-7a31-58e7-b362-8dea752a2746', 20, 'gitopsdepl-7b43751e-dde7-444b-a01d-46b04c5d707f', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-7b43751e-dde7-444b-a01d-46b04c5d707f
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: sync-fails
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.316');
INSERT INTO public.application VALUES ('dddb152c-4109-5921-8a1d-1540d0282f65', 21, 'gitopsdepl-6c428c04-f7c3-4193-9195-52ccb7c554b9', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-6c428c04-f7c3-4193-9195-52ccb7c554b9
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: degraded
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.316');
INSERT INTO public.application VALUES ('bf462d2e-8cda-5883-83b8-fe7e8f1d339f', 1, 'gitopsdepl-030b9aa4-034f-4f4c-9813-5672e94bbec8', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-030b9aa4-034f-4f4c-9813-5672e94bbec8
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/edited
    targetrevision: main
  destination:
    server: ""
    namespace: team
    name: in-cluster
  project: app-project-ba42c6a5-7e24-53ac-b315-6169a73e5543
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '2026-12-01 10:11:30.058');
INSERT INTO public.application VALUES ('048f0468-22b9-565d-a3fd-ee33f24bff7d', 26, 'gitopsdepl-65016272-d3a9-46fc-a72e-0cc5462031ac', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-65016272-d3a9-46fc-a72e-0cc5462031ac
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('0d7b1275-9047-5d83-b601-7efb5ece66a5', 27, 'gitopsdepl-fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('145c4046-d135-5193-84d7-6cd753183c16', 28, 'gitopsdepl-c649be09-cd21-4811-a741-854c169ce213', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-c649be09-cd21-4811-a741-854c169ce213
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/1
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('e08e6d3c-cd0d-5673-bcb2-11d4115d627f', 25, 'gitopsdepl-c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.152');
INSERT INTO public.application VALUES ('174f8a74-e8b6-5754-ab90-46b088f9797d', 29, 'gitopsdepl-7aeedd4c-fcae-4a36-99b4-8d5ce4668515', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-7aeedd4c-fcae-4a36-99b4-8d5ce4668515
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('1b089822-f66f-5d9b-bcb2-e44aa7366809', 30, 'gitopsdepl-74826062-5a57-42de-911e-aa62e2de5420', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-74826062-5a57-42de-911e-aa62e2de5420
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('27d222e5-a375-53be-bd83-7a5d6fbc4a3c', 31, 'gitopsdepl-42a23b51-315c-437b-adab-3a16e18be779', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-42a23b51-315c-437b-adab-3a16e18be779
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('2d6d3786-e585-5237-aae4-dc5ef090f1ee', 32, 'gitopsdepl-7101b356-b0bd-480c-bb99-8c734434229d', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-7101b356-b0bd-480c-bb99-8c734434229d
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('2f70c907-43d2-5f2f-968c-9bd7bc48ee2a', 33, 'gitopsdepl-569a71c1-3ca5-462c-a0b2-0becdc78df51', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-569a71c1-3ca5-462c-a0b2-0becdc78df51
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/1
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('3361dae0-869d-5d09-a4d5-bbb8de5c61ed', 34, 'gitopsdepl-cc54bd48-21a6-4d9e-a56f-d8eb53f75335', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-cc54bd48-21a6-4d9e-a56f-d8eb53f75335
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('35029261-4957-536a-9ec3-ed0b58f663c8', 35, 'gitopsdepl-96a0d98b-bb66-46e1-8945-a2c3722de309', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-96a0d98b-bb66-46e1-8945-a2c3722de309
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('4738c89f-7ed9-5c01-b09a-49d4cd22ba58', 36, 'gitopsdepl-3f2581b6-7690-4829-8693-cfff0342de2e', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-3f2581b6-7690-4829-8693-cfff0342de2e
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('4c508d97-4996-5073-95b6-2c144ed51840', 37, 'gitopsdepl-031e9a23-0f69-4d40-bbc8-2977f6fa9ad0', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-031e9a23-0f69-4d40-bbc8-2977f6fa9ad0
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/1
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('555227ac-88c2-5c54-bdfb-0e06c9e8cc1b', 38, 'gitopsdepl-df350801-779a-480c-b0dd-b6c16c6b6571', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-df350801-779a-480c-b0dd-b6c16c6b6571
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('5877186b-397b-5325-b3cd-c06ce2a343d6', 39, 'gitopsdepl-d5611234-d190-4ae2-b1f2-80f41a1f139c', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-d5611234-d190-4ae2-b1f2-80f41a1f139c
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('5a64fb97-f4f5-53a2-a45b-6794cf5eb324', 40, 'gitopsdepl-fa5ef650-7cd8-4e35-bf24-09cc7172bd75', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-fa5ef650-7cd8-4e35-bf24-09cc7172bd75
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('74c66223-07c5-5b5a-abbf-1a0aca297d13', 41, 'gitopsdepl-c9d9c61b-67ec-4d95-9ad1-874a180bf27b', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-c9d9c61b-67ec-4d95-9ad1-874a180bf27b
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('76c93f8c-df3e-5a0a-bbbd-eee6835b64b8', 42, 'gitopsdepl-132e1237-f00f-4874-80b7-f025d4947cb6', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-132e1237-f00f-4874-80b7-f025d4947cb6
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('7b53cf05-64bb-5e9f-8af0-526056ec869e', 43, 'gitopsdepl-3e794295-714d-4157-8376-616a155a7e0b', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-3e794295-714d-4157-8376-616a155a7e0b
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('7e4960e8-af00-50ad-96be-14414955ade8', 44, 'gitopsdepl-b0f81457-c83e-4b65-8874-a288b1ee636f', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-b0f81457-c83e-4b65-8874-a288b1ee636f
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/1
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('82915354-c2e1-50f9-b7a7-d54a85015305', 45, 'gitopsdepl-f6e0e868-0efd-4853-a973-bc385fb4f84b', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-f6e0e868-0efd-4853-a973-bc385fb4f84b
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('9c19aa7c-5d65-5bd5-9698-109d13175c00', 46, 'gitopsdepl-838b3310-ea77-4a0d-912d-5195c65c171b', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-838b3310-ea77-4a0d-912d-5195c65c171b
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('a70395ea-b736-57e7-b697-1cd71151789d', 47, 'gitopsdepl-de60cf46-b239-4f09-94ae-88db4c5d2b00', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-de60cf46-b239-4f09-94ae-88db4c5d2b00
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('a8f9ba34-f21b-5310-a071-ed86d74a9020', 48, 'gitopsdepl-75dcfdd6-debd-4a37-9fe0-73ed894d5311', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-75dcfdd6-debd-4a37-9fe0-73ed894d5311
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/1
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('acece24d-b325-5b93-9417-78151aabe5f2', 49, 'gitopsdepl-483fd783-65a5-4fce-92c4-85e8a4b4bf8d', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-483fd783-65a5-4fce-92c4-85e8a4b4bf8d
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('b438827a-9462-5e26-96fc-068e2ecb435d', 50, 'gitopsdepl-ff7640bf-1517-4ee9-b34a-2ac39a57abb7', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-ff7640bf-1517-4ee9-b34a-2ac39a57abb7
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/1
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('c3a5f6fd-10c3-5b35-8543-e76c6b6eadc3', 51, 'gitopsdepl-670980ba-91d5-4d9a-b225-811b75dce344', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-670980ba-91d5-4d9a-b225-811b75dce344
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('c8d9151a-0452-5050-b474-b93b4c8a5dee', 52, 'gitopsdepl-7f634eaa-5869-4af7-8187-af3fbb3e2bac', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-7f634eaa-5869-4af7-8187-af3fbb3e2bac
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/2
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('ce0e72a6-69d2-5492-961d-ede26b597456', 53, 'gitopsdepl-4356952e-9d00-4589-973f-386f22f5bb3c', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-4356952e-9d00-4589-973f-386f22f5bb3c
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('d3750685-0882-5ddb-80a4-013929d5dfb3', 54, 'gitopsdepl-a17b816b-1968-47b1-944c-65ebf696a4fc', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-a17b816b-1968-47b1-944c-65ebf696a4fc
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('de96eabf-1bf9-582a-ae8f-ad1e6c3f82b2', 55, 'gitopsdepl-6b06f274-9674-41d1-9fcc-a7fffd79e72a', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-6b06f274-9674-41d1-9fcc-a7fffd79e72a
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/0
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');
INSERT INTO public.application VALUES ('ea2b9ee1-2240-5d7c-a56d-acc5b729a95c', 56, 'gitopsdepl-85d6b7ca-3683-4f59-ae17-a9431f842fb0', 'fauxtypemeta:
  kind: Application
  apiversion: argoproj.io/v1alpha1
fauxobjectmeta:
  name: gitopsdepl-85d6b7ca-3683-4f59-ae17-a9431f842fb0
  namespace: gitops-service-argocd
spec:
  source:
    repourl: https://git.example.com/team/app
    path: deploy/3
    targetrevision: main
  destination:
    server: ""
    namespace: busy
    name: in-cluster
  project: app-project-b428cfd6-01ae-54ab-840b-48d452f3af53
  syncpolicy:
    automated:
      prune: true
      selfheal: true
      allowempty: true
    syncoptions:
    - PrunePropagationPolicy=background
    retry:
      limit: -1
      backoff:
        duration: 5s
        factor: 2
        maxduration: 3m
status:
  resources: []
  sync:
    status: ""
    comparedto:
      source:
        repourl: ""
        path: ""
        targetrevision: ""
      destination:
        server: ""
        namespace: ""
        name: ""
    revision: ""
    revisions: []
  health:
    status: ""
    message: ""
  conditions: []
  operationstate: null
', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7bba3a26-3be1-512b-b322-79e166e8f468', '2026-12-01 10:11:32.495');


--
-- Data for Name: applicationowner; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.applicationowner VALUES ('bf462d2e-8cda-5883-83b8-fe7e8f1d339f', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 1, '2026-12-01 10:11:30.058');
INSERT INTO public.applicationowner VALUES ('0a7b8983-69fb-58a4-9219-e2dc24808ded', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 2, '2026-12-01 10:11:30.112');
INSERT INTO public.applicationowner VALUES ('9ee5225b-ea1e-594f-9fa1-cf63aefcd13f', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 4, '2026-12-01 10:11:30.112');
INSERT INTO public.applicationowner VALUES ('1958fd0b-b869-5577-b22f-79bc3569bddc', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 6, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('b9504b1d-6ee5-520f-a238-3f1340b77662', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 7, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('bf8a9569-8043-59ce-b096-297fec46ad66', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 8, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('cbc3e472-7289-580a-979a-26440d2b7706', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 9, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('d09b3c36-c55b-5a5b-b0e4-93a63a86c450', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 10, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('d760778c-6cd7-55d5-981a-b9b6b747ae3d', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 11, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('e4475e3a-2e6f-5cf1-975a-05ded60e117e', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 12, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('eacfc2ea-bb69-5b89-b840-307975936ba6', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 13, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('ed9774e9-2881-5491-b9eb-7467cabe537e', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 14, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('f18bf1a8-e083-51f8-b1a4-b13c8c9f2025', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 15, '2026-12-01 10:11:30.204');
INSERT INTO public.applicationowner VALUES ('02f0460d-f05e-5345-a5b2-92dd2bbac4cf', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 16, '2026-12-01 10:11:30.316');
INSERT INTO public.applicationowner VALUES ('689528be-c61e-5024-84cb-97ae8b87331c', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 17, '2026-12-01 10:11:30.316');
INSERT INTO public.applicationowner VALUES ('96a9654d-c82b-5736-9fce-584871f3d500', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 18, '2026-12-01 10:11:30.316');
INSERT INTO public.applicationowner VALUES ('9f8ab7f1-d7fa-585a-bf40-f2fc47550730', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 19, '2026-12-01 10:11:30.316');
INSERT INTO public.applicationowner VALUES ('d511c28a-7a31-58e7-b362-8dea752a2746', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 20, '2026-12-01 10:11:30.316');
INSERT INTO public.applicationowner VALUES ('dddb152c-4109-5921-8a1d-1540d0282f65', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 21, '2026-12-01 10:11:30.316');
INSERT INTO public.applicationowner VALUES ('da8e12b3-3a66-5ac4-89e5-25cc11077c2d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 24, '2026-12-01 10:11:32.152');
INSERT INTO public.applicationowner VALUES ('e08e6d3c-cd0d-5673-bcb2-11d4115d627f', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 25, '2026-12-01 10:11:32.152');
INSERT INTO public.applicationowner VALUES ('048f0468-22b9-565d-a3fd-ee33f24bff7d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 26, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('0d7b1275-9047-5d83-b601-7efb5ece66a5', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 27, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('145c4046-d135-5193-84d7-6cd753183c16', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 28, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('174f8a74-e8b6-5754-ab90-46b088f9797d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 29, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('1b089822-f66f-5d9b-bcb2-e44aa7366809', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 30, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('27d222e5-a375-53be-bd83-7a5d6fbc4a3c', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 31, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('2d6d3786-e585-5237-aae4-dc5ef090f1ee', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 32, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('2f70c907-43d2-5f2f-968c-9bd7bc48ee2a', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 33, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('3361dae0-869d-5d09-a4d5-bbb8de5c61ed', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 34, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('35029261-4957-536a-9ec3-ed0b58f663c8', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 35, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('4738c89f-7ed9-5c01-b09a-49d4cd22ba58', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 36, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('4c508d97-4996-5073-95b6-2c144ed51840', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 37, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('555227ac-88c2-5c54-bdfb-0e06c9e8cc1b', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 38, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('5877186b-397b-5325-b3cd-c06ce2a343d6', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 39, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('5a64fb97-f4f5-53a2-a45b-6794cf5eb324', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 40, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('74c66223-07c5-5b5a-abbf-1a0aca297d13', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 41, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('76c93f8c-df3e-5a0a-bbbd-eee6835b64b8', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 42, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('7b53cf05-64bb-5e9f-8af0-526056ec869e', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 43, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('7e4960e8-af00-50ad-96be-14414955ade8', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 44, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('82915354-c2e1-50f9-b7a7-d54a85015305', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 45, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('9c19aa7c-5d65-5bd5-9698-109d13175c00', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 46, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('a70395ea-b736-57e7-b697-1cd71151789d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 47, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('a8f9ba34-f21b-5310-a071-ed86d74a9020', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 48, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('acece24d-b325-5b93-9417-78151aabe5f2', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 49, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('b438827a-9462-5e26-96fc-068e2ecb435d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 50, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('c3a5f6fd-10c3-5b35-8543-e76c6b6eadc3', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 51, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('c8d9151a-0452-5050-b474-b93b4c8a5dee', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 52, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('ce0e72a6-69d2-5492-961d-ede26b597456', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 53, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('d3750685-0882-5ddb-80a4-013929d5dfb3', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 54, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('de96eabf-1bf9-582a-ae8f-ad1e6c3f82b2', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 55, '2026-12-01 10:11:32.495');
INSERT INTO public.applicationowner VALUES ('ea2b9ee1-2240-5d7c-a56d-acc5b729a95c', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 56, '2026-12-01 10:11:32.495');


--
-- Data for Name: applicationstate; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.applicationstate VALUES ('bf462d2e-8cda-5883-83b8-fe7e8f1d339f', '\x1f8b08000000000004ffb554bd6edb3010def314874ceda0d892e3fc10e8d40e5d0a044da76e67e92411964882a48cf8ed7b2751aa1214291a349eace3e9bbfb7ec496b08badba000811e310147c1d2be70bebc863d4d6c8014947ad8d0e2d5518155c16dbe226cb8b6c9bffc8b72acfd52eff79c9303d85800d29084359f2ff7ae8ba3384b329a9820fd87510311c03f8c17ce4f6658a0c00e0095163a4ea709e0a003844db4b4941f403f13b009ea25f1a0e581e6d5dcffd00d5302dae601fc676e05f8d65b45e41b1547a7cfaddb9eb53bdd3bd667e593e3e07de7b0676bc32ad9690354e3ab0420aaeab1cefab5d9ddf60b9dfedafefcbe2b0af8b9bbbfaaeb8bdcfb7f5e16e5fd06d3d82c2288775a3b8337a060f82ffe0adc306e5e8c176ba3c7f127a8db783a9f865d762e01d1e455baa484a6c8f67c15e3525300d4f61e8e2348effdbc1b33dd3630632c02940e766c55a6b8f69daf7c1186d1a1ecf3ac2519b4ac117729d3df764622a2fbe57cbc995c06da8d2bc1e949ec4c4d46db0671ad3d1aa141c965c8f84b31dcc6e4ce5233318e9ca0a4227ed26f50470221f46334e937719fc85c3676b6add7c439700160ae578d0a34bcb6781626405c22b2c969e04260cff2b1d4f6f0a5b188d9e7c0670c81f3b4c162572695f4f8e3b3b056d8c2ea8cda6d1f18a9eb0771d5d95b6df88291b7634f547f40d7f85cb523d6a73b1cad5cb4cb584e9a201984d9daf1af853a84440054b44e4f1b99e338a44608cc63a0059825c7b2c1033e2da2ea9ff0374e0288a9e2c8a434f55b4f2c4d70e050e0946c960124990155f6a59d90d21925f959f0f644d587dce7eea78679f806fd037a4e985e2bf0016a537bb3c060000', 'a15edac74bacfc6a40e6468e9edb69a5', false);
INSERT INTO public.applicationstate VALUES ('0a7b8983-69fb-58a4-9219-e2dc24808ded', '\x1f8b08000000000004ff9551cb72c2300cbcf315fa014813080f5fdb2bc3a15f201c39789ad81e4b61cadf57a674a0c3a5f54d6bad76b53a110e723233001694890dec3db30ffd2c13c7295b62339b439fe3940c604aacad77d2330de0c387cec01ba5215e460aa284802319e8aed0ade4845631211c15f9113f4c7270ef9760153b53661f838173ad0efea2f91a83f3fd1e93b21f25e74c22ba53f15ef0ff69b3da2901d93826ccd4492c15e83aac43518a4715047d65b8011fe6769858283fc0bf3535b76bb8df930012ea117462c9ec46ca94b465307012496caaaaf7b2a04f1cd3400bf55295e82abdc8ad5f30f72499ce9e8b2318d107fdba03abaec65db774f51a6dbb6c573bdb1c5bd7acb76edb6c76f58b3b6edb86364e49cfe7f802c1499ab028020000', 'a53cb1ba4cb5a163432e3c9a047e71c5', false);
INSERT INTO public.applicationstate VALUES ('9ee5225b-ea1e-594f-9fa1-cf63aefcd13f', '\x1f8b08000000000004ffbd543d6fdc300cddf32b884cede0dcd997cb87804eedd0a540d074eac693e90f9c2d09921ce4fe7d495bf6394191a241514f36493df2bd47ab21ec62a32e0042c43804055fc7c8e9c23af2185b6b24415251b5a60d0d9518155c16dbe226cb8b6c9bffc8b72acfd56efbf392617a0a016b521006adf9bd1abaee04e1643495f001bb0e228663003f988f5cbe74910600dc21b618a93c9ca600000ed1f6125210fd407c06c053f44bc101f5d156d55c0f500ed3e00af6612c077e2ad4d17a05c512e9f1f95cb9eb53bc6bfb96f965f9f81d78ee19d8f1c8b41a42c6786a032ba4e0baccf1bedc55f90deafd6e7f7daf8bc3be2a6eeeaabbe2f63edf5687bb7d41b7d5080aa31cd68de2cee8193c08fe83b70e6b94d483ed5a7dfa24f46a6f0753f261d760e0191e455b2a49426c8f67c1de3425300d4f61e8e2d48edfede0d99ee9330369e014a073b3628db5c7d4edfb604c6b6a6ecf3ac2b135a5822fe43a7beac9c4145e7c2f97cc95c06d9cb791344f08da93f8980e18ec99c9925d458343cda948389bc21cc7dd7c641e2369194448a509259e009ec887d192a7c9c10cfec0e4b335555b7f43970016227a4cf4e8ce14b24031b214e16d2e4b598214aaff9494a7772d5e184d9f3c0770c83f3e4c769d29a6913d392eee143431baa0369bba8d57f48cbdebe84adb7e23ee6cd8e0541fd1d7fc532e73f5d89a8bd59abd5eb18630dd3b00b3bbf3cd03bfdb31d150c17a5d24f252d51948d6615c93f532640975edb740ac40d7be49ea2fd0036fa608cbd238f454462b5f7c1751e085c1282b99a41264c5375da6bb2144f2abf0cb8600ffdb30e09bf51d9bf54af75fb7b1ce1254060000', 'e5fed9db1af224e88ec87a9e77cc9d85', false);
INSERT INTO public.applicationstate VALUES ('cbc3e472-7289-580a-979a-26440d2b7706', '\x1f8b08000000000004ff9551cb72c2300cbcf315fa014813080f5fdb2bc3a15f201c39789ad81e4b61cadf57a674a0c3a5f54d6bad76b53a110e723233001694890dec3db30ffd2c13c7295b62339b439fe3940c604aacad77d2330de0c387cec01ba5215e460aa284802319e8aed0ade4845631211c15f9113f4c7270ef9760153b53661f838173ad0efea2f91a83f3fd1e93b21f25e74c22ba53f15ef0ff69b3da2901d93826ccd4492c15e83aac43518a4715047d65b8011fe6769858283fc0bf3535b76bb8df930012ea117462c9ec46ca94b465307012496caaaaf7b2a04f1cd3400bf55295e82abdc8ad5f30f72499ce9e8b2318d107fdba03abaec65db774f51a6dbb6c573bdb1c5bd7acb76edb6c76f58b3b6edb86364e49cfe7f802c1499ab028020000', 'a53cb1ba4cb5a163432e3c9a047e71c5', false);
INSERT INTO public.applicationstate VALUES ('ed9774e9-2881-5491-b9eb-7467cabe537e', '\x1f8b08000000000004ff9551cb72c2300cbcf315fa014813080f5fdb2bc3a15f201c39789ad81e4b61cadf57a674a0c3a5f54d6bad76b53a110e723233001694890dec3db30ffd2c13c7295b62339b439fe3940c604aacad77d2330de0c387cec01ba5215e460aa284802319e8aed0ade4845631211c15f9113f4c7270ef9760153b53661f838173ad0efea2f91a83f3fd1e93b21f25e74c22ba53f15ef0ff69b3da2901d93826ccd4492c15e83aac43518a4715047d65b8011fe6769858283fc0bf3535b76bb8df930012ea117462c9ec46ca94b465307012496caaaaf7b2a04f1cd3400bf55295e82abdc8ad5f30f72499ce9e8b2318d107fdba03abaec65db774f51a6dbb6c573bdb1c5bd7acb76edb6c76f58b3b6edb86364e49cfe7f802c1499ab028020000', 'a53cb1ba4cb5a163432e3c9a047e71c5', false);
INSERT INTO public.applicationstate VALUES ('1958fd0b-b869-5577-b22f-79bc3569bddc', '\x1f8b08000000000004ffbd543d6fdc300cddf32b884cede0dcd997cb87804eedd0a540d074eac693e90f9c2d09921ce4fe7d495bf6394191a241514f36493df2bd47ab21ec62a32e0042c43804055fc7c8e9c23af2185b6b24415251b5a60d0d9518155c16dbe226cb8b6c9bffc8b72acfd56efbf392617a0a016b521006adf9bd1abaee04e1643495f001bb0e228663003f988f5cbe74910600dc21b618a93c9ca600000ed1f6125210fd407c06c053f44bc101f5d156d55c0f500ed3e00af6612c077e2ad4d17a05c512e9f1f95cb9eb53bc6bfb96f965f9f81d78ee19d8f1c8b41a42c6786a032ba4e0baccf1bedc55f90deafd6e7f7daf8bc3be2a6eeeaabbe2f63edf5687bb7d41b7d5080aa31cd68de2cee8193c08fe83b70e6b94d483ed5a7dfa24f46a6f0753f261d760e0191e455b2a49426c8f67c1de3425300d4f61e8e2d48edfede0d99ee9330369e014a073b3628db5c7d4edfb604c6b6a6ecf3ac2b135a5822fe43a7beac9c4145e7c2f97cc95c06d9cb791344f08da93f8980e18ec99c9925d458343cda948389bc21cc7dd7c641e2369194448a509259e009ec887d192a7c9c10cfec0e4b335555b7f43970016227a4cf4e8ce14b24031b214e16d2e4b598214aaff9494a7772d5e184d9f3c0770c83f3e4c769d29a6913d392eee143431baa0369bba8d57f48cbdebe84adb7e23ee6cd8e0541fd1d7fc532e73f5d89a8bd59abd5eb18630dd3b00b3bbf3cd03bfdb31d150c17a5d24f252d51948d6615c93f532640975edb740ac40d7be49ea2fd0036fa608cbd238f454462b5f7c1751e085c1282b99a41264c5375da6bb2144f2abf0cb8600ffdb30e09bf51d9bf54af75fb7b1ce1254060000', 'e5fed9db1af224e88ec87a9e77cc9d85', false);
INSERT INTO public.applicationstate VALUES ('b9504b1d-6ee5-520f-a238-3f1340b77662', '\x1f8b08000000000004ffb5543d6fdc300cddf32b884cede0f8eccbe54340a776e85220683a75e3c9b42d9c2d09927cc8fdfb92feca25085a34683d4914fd48bef7a496b04badba008809d310157c1d23a70be7296032ceca0149466dac892d5598145c969bf2262bca6c53fc2836aa28d476f3f392617a8a111b521007ad795d0f5d778278b29a2af8805d0709e3214218ec474e5fab480100ae900c26aaf6a72900804372bd8414a43010ff0310288535618ffae0ea7ac907a886a97105bb38a6037f35eae48282728df4f8f49cb9ede778677ac3f365c5b88fdcf702ecb9653a6b42da389ac80c29b8ae0abcafb67571837ab7dd5ddfeb72bfabcb9bbbfaaebcbd2f36f5fe6e57d26d3d82c24887f323b90b7a060f82ff109cc706e5e8c175469f3ec9784d7083adf867df62e41e1e855baa48422c4f60c27e2b4ae43102c5a14b53395ebb21b03cd3360329e015a0f70b63ad7387b9daf7c15a631b2ecf3cc2c1d84ac117f29d3bf564d31c5e75afd6932b81cb4bd08144bf39d162cf135c966216c1937df4a8399808171978aad18d8fdcf938a6a4ca18734f129f018f14e228c271d22c833ff4fed9d9da34dfd0cf006beb7a3ce8d1e7651629251e3abed9fdf3f10cf1cf8708f42e6bc551d64955008f7cb56112245f8c1fc87352a7a04dc94795e78d4957f484bdefe84abb3e171572966e1e2d6168f8baadfdf468ecc599815e9ba7259c5f148045c5e54d81b7dc23dc29980c21eb9766582044f0d108e7726733deb9a202c1d77c1590c790d05fa046f69c50c864780c5425273b7e5728b2253089d918551c29c88a5fad4c77434c14cec22f0b3217cc3a9b7ccef87fd200bf8eeff0ce2b9e7f01299b5f0818060000', '152fa0592e7f9864ff663bb1c4421bab', false);
INSERT INTO public.applicationstate VALUES ('bf8a9569-8043-59ce-b096-297fec46ad66', '\x1f8b08000000000004ff9551cb72c2300cbcf315fa014813080f5fdb2bc3a15f201c39789ad81e4b61cadf57a674a0c3a5f54d6bad76b53a110e723233001694890dec3db30ffd2c13c7295b62339b439fe3940c604aacad77d2330de0c387cec01ba5215e460aa284802319e8aed0ade4845631211c15f9113f4c7270ef9760153b53661f838173ad0efea2f91a83f3fd1e93b21f25e74c22ba53f15ef0ff69b3da2901d93826ccd4492c15e83aac43518a4715047d65b8011fe6769858283fc0bf3535b76bb8df930012ea117462c9ec46ca94b465307012496caaaaf7b2a04f1cd3400bf55295e82abdc8ad5f30f72499ce9e8b2318d107fdba03abaec65db774f51a6dbb6c573bdb1c5bd7acb76edb6c76f58b3b6edb86364e49cfe7f802c1499ab028020000', 'a53cb1ba4cb5a163432e3c9a047e71c5', false);
INSERT INTO public.applicationstate VALUES ('d09b3c36-c55b-5a5b-b0e4-93a63a86c450', '\x1f8b08000000000004ffb5543d6fdc300cddf32b884cede0f8ecbbcb87804eedd0a540d074eac6b3695b385b122439c8fdfb92b6ec5c82a04583d69344d18fe47b4fea08fbd8a90b8010318e41c1d72972bab08e3c466d8d1c906434dae8d0518d51c165b929afb3a2cc36c58f62a38a426d373f2f1966a010b0250561ac2a5e3763df9f209c4c45357cc0be8788e118c08fe623a7af55a4000057881a23d587d31c00c031da41420aa21f89ff01f014fd9a70c0ea689b66c907a8c7b97105fb30a5037f0d56d17a05e51a19f0e939733ba478af07cdf365c5b40fdcf702ecb8653a6b42da78d4811952b0ab0bbcabb74d718dd57ebbdfdd55e561df94d7b7cd6d7973576c9ac3edbea49b660285890eeb267217f40cee05ffde5b872dcad1bded7575fa24e3b5de8ea6e69f5d87817b78106ea92609b13c9e09fbad2881c7f014c63ecee5786d47cff2ccdb0ca4805380ce2d8c75d61e53b5efa331dab45c9e7984a336b5822fe47a7b1ac8c4145e75afd7932b81cb77507912fd52a2c18127b8dc8959044ff6c161c5c148b8c8c0534d6e7ce0cea7312555c6483d493c013e920f93088fb36619fca1f7cfd634bafd862e01acad57d3c1802edf658162e4a1c39bdd3f1f27887f3e84a777592b4cb2ceaa0238e4ab0db320f92eb5eac97152afa08bd10595e7ad8e57f48483ebe9aab2432e2ae42c5dca8fe85bbe6e6b3f036a737166a0d7e6e908d38b02b0a8b8bc29f0967b843b05b32164fdd20c0b84083e19e15cee2ce19d2b2a107c215701790c09fd056a60cf09854c86434f75b4b2e37785025b02a3988d51c59182acf8d5caaa7e0c91fc59f86541e682596793a78cff270df0ebf80eefbce2f91784e817e618060000', '4a24461890ab002020e5d31a1c27c27b', false);
INSERT INTO public.applicationstate VALUES ('eacfc2ea-bb69-5b89-b840-307975936ba6', '\x1f8b08000000000004ff9551cb72c2300cbcf315fa014813080f5fdb2bc3a15f201c39789ad81e4b61cadf57a674a0c3a5f54d6bad76b53a110e723233001694890dec3db30ffd2c13c7295b62339b439fe3940c604aacad77d2330de0c387cec01ba5215e460aa284802319e8aed0ade4845631211c15f9113f4c7270ef9760153b53661f838173ad0efea2f91a83f3fd1e93b21f25e74c22ba53f15ef0ff69b3da2901d93826ccd4492c15e83aac43518a4715047d65b8011fe6769858283fc0bf3535b76bb8df930012ea117462c9ec46ca94b465307012496caaaaf7b2a04f1cd3400bf55295e82abdc8ad5f30f72499ce9e8b2318d107fdba03abaec65db774f51a6dbb6c573bdb1c5bd7acb76edb6c76f58b3b6edb86364e49cfe7f802c1499ab028020000', 'a53cb1ba4cb5a163432e3c9a047e71c5', false);
INSERT INTO public.applicationstate VALUES ('d760778c-6cd7-55d5-981a-b9b6b747ae3d', '\x1f8b08000000000004ffb554cb6edb3010bce72b1639b507459614e741a0a7f6d04b01a3e9a9b7b5b47ac01249909411ff7d77254ab183a04583d62769b99e9d9d19b125ec43abae007cc0307a055fa7cae9ca5872183aa3e580a4a3ee74e75baa3028b8ce37f95d92e5c926fb916d5496a962f3f39a6106f21e1b52e0c7b2e4e77aecfb13f8932ea9820fd8f710d01f3cb8517fe4f6758a0c00e009a1c340d5fe341700700c66909282e046e2ff00380a6e6dd863793075bdf40354e34c5cc1d64fedc0bf1acb609c827cad0cf8fcd2590cb1de7743c7fb25d9f4ee99f7026c99329d91101ac7ceb3420a6eab0c1faba2ceeeb0dc16dbdbc732df6febfceea17ec8ef1fb34dbd7fd8e6745f4fa030c961ec24ee829ec04ef077ce586c508e76a6efcad32759af7166d415ffd9b6e899c393684b154989ed712cd86f4df1bc86233ff6611ec7cf66746ccffc9a800cb00ad0da45b1d698439cf67dd4bad30d8f671de1d0e94ac117b2bd390da4432cafbe57ebc98dc0a505948ec4bfd8a871e00dae0b098be0c9bbb7587231102e36f056531a9f98f9b4a6b4ca1a9193d423e0919c9f4c38ce9e25f007ee9f8daebbe61bda08b0522fa783016d5a249e42e0a5fd9bec5f8e23c43f5fc2d1bba2e5275b6757012cf2a70db3216911a93ab2dcd42b6843b05ea569d3851b7ac6c1f674539a21151752b62ef607740d7f6e2b9f013b7d7516a0d7e16909e38d02b0b8b8dc29f0567a443b057320e4f9320c0b84183e05e1dcee24e29d3b2a100a2e1c92d25fa07ace9c48c86258745405236f7caf90e7486090b045710459f1ad9594fde803b9b3f2e540d68255e790c78eff670df0edf88eecbcd2f917440ffbc818060000', '55b9bbcc08379ad5d52830a009ca27a2', false);
INSERT INTO public.applicationstate VALUES ('e4475e3a-2e6f-5cf1-975a-05ded60e117e', '\x1f8b08000000000004ffbd543d6fdc300cddf32b884cede0dcd997cb87804eedd0a540d074eac693e90f9c2d09921ce4fe7d495bf6394191a241514f36493df2bd47ab21ec62a32e0042c43804055fc7c8e9c23af2185b6b24415251b5a60d0d9518155c16dbe226cb8b6c9bffc8b72acfd56efbf392617a0a016b521006adf9bd1abaee04e1643495f001bb0e228663003f988f5cbe74910600dc21b618a93c9ca600000ed1f6125210fd407c06c053f44bc101f5d156d55c0f500ed3e00af6612c077e2ad4d17a05c512e9f1f95cb9eb53bc6bfb96f965f9f81d78ee19d8f1c8b41a42c6786a032ba4e0baccf1bedc55f90deafd6e7f7daf8bc3be2a6eeeaabbe2f63edf5687bb7d41b7d5080aa31cd68de2cee8193c08fe83b70e6b94d483ed5a7dfa24f46a6f0753f261d760e0191e455b2a49426c8f67c1de3425300d4f61e8e2d48edfede0d99ee9330369e014a073b3628db5c7d4edfb604c6b6a6ecf3ac2b135a5822fe43a7beac9c4145e7c2f97cc95c06d9cb791344f08da93f8980e18ec99c9925d458343cda948389bc21cc7dd7c641e2369194448a509259e009ec887d192a7c9c10cfec0e4b335555b7f43970016227a4cf4e8ce14b24031b214e16d2e4b598214aaff9494a7772d5e184d9f3c0770c83f3e4c769d29a6913d392eee143431baa0369bba8d57f48cbdebe84adb7e23ee6cd8e0541fd1d7fc532e73f5d89a8bd59abd5eb18630dd3b00b3bbf3cd03bfdb31d150c17a5d24f252d51948d6615c93f532640975edb740ac40d7be49ea2fd0036fa608cbd238f454462b5f7c1751e085c1282b99a41264c5375da6bb2144f2abf0cb8600ffdb30e09bf51d9bf54af75fb7b1ce1254060000', 'e5fed9db1af224e88ec87a9e77cc9d85', false);
INSERT INTO public.applicationstate VALUES ('f18bf1a8-e083-51f8-b1a4-b13c8c9f2025', '\x1f8b08000000000004ffbd543d6fdc300cddf32b884cede0dcd997cb87804eedd0a540d074eac693e90f9c2d09921ce4fe7d495bf6394191a241514f36493df2bd47ab21ec62a32e0042c43804055fc7c8e9c23af2185b6b24415251b5a60d0d9518155c16dbe226cb8b6c9bffc8b72acfd56efbf392617a0a016b521006adf9bd1abaee04e1643495f001bb0e228663003f988f5cbe74910600dc21b618a93c9ca600000ed1f6125210fd407c06c053f44bc101f5d156d55c0f500ed3e00af6612c077e2ad4d17a05c512e9f1f95cb9eb53bc6bfb96f965f9f81d78ee19d8f1c8b41a42c6786a032ba4e0baccf1bedc55f90deafd6e7f7daf8bc3be2a6eeeaabbe2f63edf5687bb7d41b7d5080aa31cd68de2cee8193c08fe83b70e6b94d483ed5a7dfa24f46a6f0753f261d760e0191e455b2a49426c8f67c1de3425300d4f61e8e2d48edfede0d99ee9330369e014a073b3628db5c7d4edfb604c6b6a6ecf3ac2b135a5822fe43a7beac9c4145e7c2f97cc95c06d9cb791344f08da93f8980e18ec99c9925d458343cda948389bc21cc7dd7c641e2369194448a509259e009ec887d192a7c9c10cfec0e4b335555b7f43970016227a4cf4e8ce14b24031b214e16d2e4b598214aaff9494a7772d5e184d9f3c0770c83f3e4c769d29a6913d392eee143431baa0369bba8d57f48cbdebe84adb7e23ee6cd8e0541fd1d7fc532e73f5d89a8bd59abd5eb18630dd3b00b3bbf3cd03bfdb31d150c17a5d24f252d51948d6615c93f532640975edb740ac40d7be49ea2fd0036fa608cbd238f454462b5f7c1751e085c1282b99a41264c5375da6bb2144f2abf0cb8600ffdb30e09bf51d9bf54af75fb7b1ce1254060000', 'e5fed9db1af224e88ec87a9e77cc9d85', false);
INSERT INTO public.applicationstate VALUES ('9f8ab7f1-d7fa-585a-bf40-f2fc47550730', '\x1f8b08000000000004ff4d904152c3300c45f73985867d689cd2d27a861503c30160c34e3872ea21b13d960af4f6c8a105b289fda46f7d7d97e21024a4c8b669614216291879411266b270d577fdb6357ddb9967d35963ecba7bbd6a006662c6b1763c62986800493025d43f9691045850b4ea7f8b23452aca60c6183cb1804f05381d8b2330903c180b253ba05252b1e0d24070072ff13da6cf0803b1d3eb1c98431cdb8c72b08039433dc19088212601fa0a2cd59f9cb28ebf4f73c61238c587fa6a73209c54a8feabbf235b785ac8a9e1537456b95b143448aa37a8732544140de9070044acc984d8bae9c8424555a05fc59cd1e958219c17fab3de4558ad5af8bfc2d2045028a763992c1c4432dbd56a0c724d5f38e789aed5d1aa3eb8d26dcffdb2645ce82370f5a59186a8a53f703318dc0f6b6fb6e836ebcdcddef56f1bdf6f777ed7dfee4de7df769b9e6ebd8a2e419c836ebe01c2860aa914020000', '1ef1ebe2b600908ff7bbebb2cb3e11b5', false);
INSERT INTO public.applicationstate VALUES ('02f0460d-f05e-5345-a5b2-92dd2bbac4cf', '\x1f8b08000000000004ffbd543d6fdc300cddf32b884cede0dcd997cb87804eedd0a540d074eac693e90f9c2d09921ce4fe7d495bf6394191a241514f36493df2bd47ab21ec62a32e0042c43804055fc7c8e9c23af2185b6b24415251b5a60d0d9518155c16dbe226cb8b6c9bffc8b72acfd56efbf392617a0a016b521006adf9bd1abaee04e1643495f001bb0e228663003f988f5cbe74910600dc21b618a93c9ca600000ed1f6125210fd407c06c053f44bc101f5d156d55c0f500ed3e00af6612c077e2ad4d17a05c512e9f1f95cb9eb53bc6bfb96f965f9f81d78ee19d8f1c8b41a42c6786a032ba4e0baccf1bedc55f90deafd6e7f7daf8bc3be2a6eeeaabbe2f63edf5687bb7d41b7d5080aa31cd68de2cee8193c08fe83b70e6b94d483ed5a7dfa24f46a6f0753f261d760e0191e455b2a49426c8f67c1de3425300d4f61e8e2d48edfede0d99ee9330369e014a073b3628db5c7d4edfb604c6b6a6ecf3ac2b135a5822fe43a7beac9c4145e7c2f97cc95c06d9cb791344f08da93f8980e18ec99c9925d458343cda948389bc21cc7dd7c641e2369194448a509259e009ec887d192a7c9c10cfec0e4b335555b7f43970016227a4cf4e8ce14b24031b214e16d2e4b598214aaff9494a7772d5e184d9f3c0770c83f3e4c769d29a6913d392eee143431baa0369bba8d57f48cbdebe84adb7e23ee6cd8e0541fd1d7fc532e73f5d89a8bd59abd5eb18630dd3b00b3bbf3cd03bfdb31d150c17a5d24f252d51948d6615c93f532640975edb740ac40d7be49ea2fd0036fa608cbd238f454462b5f7c1751e085c1282b99a41264c5375da6bb2144f2abf0cb8600ffdb30e09bf51d9bf54af75fb7b1ce1254060000', 'e5fed9db1af224e88ec87a9e77cc9d85', false);
INSERT INTO public.applicationstate VALUES ('689528be-c61e-5024-84cb-97ae8b87331c', '\x1f8b08000000000004ffb554cb6edb3010bce72b1639b50745961ce541a0a7f6d04b01a3e9a9b7b5b47ac01249909411ff7d77254ab183a04583d62769b99e9d9d19b125ec43abae007cc0307a055fa7cae9ca5872183aa3e580a4a3ee74e75baa3028b8ce37f95d92e5c926fb916d5496a9ede6e735c30ce43d36a4c08f65c9cff5d8f727f0275d52051fb0ef21a03f7870a3fec8edeb141900c013428781aafd692e00e018cc202505c18dc4ff017014dcdab0c7f260ea7ae907a8c699b882c24fedc0bf1acb609c827cad0cf8fcd2b91d62bdef868ef74bb2e9dd33ef05d832653a2321348e9d678514dc56193e56db3abbc3b2d816b78f65be2feafceea17ec8ef1fb34dbd7f2872baaf275098e430761277414f6027f83b672c3628473bd377e5e993acd73833ea8aff6c5bf4cce149b4a58aa4c4f63816ecb7a6785ec3911ffb308fe367333ab6677e4d4006580568eda2586bcc214efb3e6adde986c7b38e70e874a5e00bd9de9c06d2219657dfabf5e446e0d2024a47e25f6cd438f006d7858445f0e4dd5b2cb91808171b78ab298d4fcc7c5a535a658dc849ea11f048ce4f261c67cf12f803f7cf46d75df30d6d0458a997d3c180362d124f21f0d2fe4df62fc711e29f2fe1e85dd1f293adb3ab0016f9d386d990b488541d596eea15b42158afd2b4e9c20d3de3607bba29cd908a0b295b17fb03ba863fb795cf809dbe3a0bd0ebf0b484f14601585c5cee14782b3da29d823910f27c198605420c9f82706e7712f1ce1d150805170e49e92f503d674e2464312c3aaa829137be57c873243048d8a23882acf8d64aca7ef481dc59f972206bc1aa73c863c7ffb306f8767c47765ee9fc0be97cb32618060000', '1e6f780f2efa34e44cc1c9b465ea1ab4', false);
INSERT INTO public.applicationstate VALUES ('96a9654d-c82b-5736-9fce-584871f3d500', '\x1f8b08000000000004ff9551cb72c2300cbcf315fa014813080f5fdb2bc3a15f201c39789ad81e4b61cadf57a674a0c3a5f54d6bad76b53a110e723233001694890dec3db30ffd2c13c7295b62339b439fe3940c604aacad77d2330de0c387cec01ba5215e460aa284802319e8aed0ade4845631211c15f9113f4c7270ef9760153b53661f838173ad0efea2f91a83f3fd1e93b21f25e74c22ba53f15ef0ff69b3da2901d93826ccd4492c15e83aac43518a4715047d65b8011fe6769858283fc0bf3535b76bb8df930012ea117462c9ec46ca94b465307012496caaaaf7b2a04f1cd3400bf55295e82abdc8ad5f30f72499ce9e8b2318d107fdba03abaec65db774f51a6dbb6c573bdb1c5bd7acb76edb6c76f58b3b6edb86364e49cfe7f802c1499ab028020000', 'a53cb1ba4cb5a163432e3c9a047e71c5', false);
INSERT INTO public.applicationstate VALUES ('d511c28a-7a31-58e7-b362-8dea752a2746', '\x1f8b08000000000004ffbd544d6fdb300cbdf75710dd754e62a7e987809d36ec56b4e876da8db1e958ab2d0912dd35ff7ea46377cebeb015eb728945d1e4e37bcf6c085b6ecc094062e43e19b8b62959b73bf18122b2f54e2f48336aeb6c6aa84236705aac8af32c2fb255fe315f993c37ebd5a75329d3514ab82303a7de11f8089d8ff2bffd4c2527a8d1b654017bc010dafd6b8884c93b03dc90227055661d7cc124296d05c92fe08e38ee051020337581e155bed0467ec2a7d000acb36c91a9daee0f0100ecd9771a92f2b127010710b5da94b0c5f2ded7f57404a8fac3c80636694807f9d558b28f068aa748878fdf32d7dd186f6d6785992c1fce69efcaa97088bda3190885f16093706be0accaf1aa5ad7f939969bf5e6ecaa2cb69bba38bfac2f8b8bab7c556f2f37055dd443518024657d186499aa6770abf56fa30fb843bdbaf5ad2df76f74bc5df4bdabe4e5d060120c77bd7356d4850313a5dc0a66852c3247a10fe5f84b71b57ba4d4b77c682ecfbe8f25a5c331036d178c8a3bf1d7787f3ff67e8f56c4172c422adc5b57197847a1f5fb8e1c8fe17f6c1f358a7673d8c9f00a3f530b4ee0349c029672c7849390c2c4f0257c10ae8f30ebfbe32c7a37427ea09806291f9446800c7e3ff35bef6abbbbc630beff9f46ce12318bf42f3a7ba467f93a0d2e3a980820a06ca4c1e94762450a92d61a68984332cbe5cef2821eb10b2d2d4adf2d55c2a5ec959157c6b893affd095187d69dcc1cfbbd5b1bc2711582aea2c102d332849ff955dd638e716ae8d85093996e7abea947d7cc1d93c19ff49d7b467bccdbce85d5bbbfeb9fc4e44abc10183052c55e4fb20a29895b90d5d923a15adcc8a2cdcab64f4c71163eee09b2b8752d1c2abdaca0208bec199efb5196afbfb9f71d0a070000', '5549849a38343ff932b3c2bff30a1124', false);
INSERT INTO public.applicationstate VALUES ('dddb152c-4109-5921-8a1d-1540d0282f65', '\x1f8b08000000000004ffb5544b6fdb300cbef757103d6d0737b1d3f46160a7f53aa05877da8d91685b882d09925c34ff7ea45f75bba1c38a35a798a23ff27b580d619b9af20ca0a318b1a612eec8b7eed4914d404f8a4893069322f8e0eac04da009756b2cf14b3161eaa3bc5307e4c633e7296032ceca09096e65ac890d694c259c17dbe22acb8b6c9bffc8b7659e97bbedcf73c6e91877181e7ba5f87fd5b7ed09e2c92a1efe09db1612c66384d0dbcfdcbe4c9101003c21194ca40fa7b100807d729d944a48a197550102a5b0341c501d5d55cdfd00ba1f172f611f79040cbf0a5572a18462a974f8f4dcb9eba67a6b3ac3fcb27c788ebcf70cec79655a2d216b3c9ac80a9570a973bcd5bb2abf42b5dfed2f6f5571d857c5d54d75535cdfe6dbea70b32fe8ba1a406190c3f941dc193d837bc1bf0fce638d7274ef5aa34e5f845e1d5c6f35bfec1b8cbcc383684be21200db1358b0374d894c830defdb348ee3ffae0f6ccff898810cf025a0f7b3628d73c769daf7de5a636b1e2f4a1e8dd51293395a5379f15d2fa1bb10b88da63150a002898d53bfc58e89cc87ab62f4a8f82411ce9630c3219a0fcc82f4d42a94a6fda43e551f29c4c190c7d1bf0cfec2e3abb395a9bfa19f00161a6a38e8d02f04b24829b10ef14d264bd704283cff2ba540ef0a5d1c0c1ffd06f0c85705bc523f90e7a6b68426251fcbcda636e9829eb0f32d5d28d76dc4930d9b3a514b186afe10977d3a34f66c15add7b16a08a71b0a24b583a777533a18f20fc112f1caf59a5278a9e66fe1584720831174edb2403c63aeed92937f008f1c47d19395f1184827274f7cfd50e49860921c322df96604b9e4cb2d536d1f138555f9e54016862de0fc4f1d1fe713f025fa8e20bd92fb174bde846675060000', '9aca385f40ce29d28fb927bbc945bdcf', false);
INSERT INTO public.applicationstate VALUES ('da8e12b3-3a66-5ac4-89e5-25cc11077c2d', '\x1f8b08000000000004ffb5543d6fdc300cddf32b884cede0f8eccb2539019ddaa14b8143d3a91bcfa63f70b625e8e310fffb92b6ec5c82a04583d69344d18fe47b4f6a083bdfa82b00e7d107a7e0eb1419afb4218bbed5831c906454edd0ba864af40aaef34d7e976479b2c97e641b95656a9bffbc66989e9cc39a14b85014bcae42d78de0c6a1a0123e60d78147777260c3f091d3d72a5200802bf8163d95c7710e0060f0ba9790026f03f13f0096bc5d138e589c74552df90065981b57b073533af05761e1b55590af911e9f9e33b77d8c776ddff27c4936ed1df7bd001b6e992e9a9036cead638614dc9619eecb6d95dd61b1dbee6ef7457edc55f9dd43f590dfefb34d757cd8e5745f4da030d1a1cd44ee829ec041f00f561bac518e0eba6b8bf1938c575b1d86927f360d3aeee151b8a59224c4f25826ecb7a2381ec3920b9d9fcbf15a07cbf2ccdb04a4805180c62c8c355a9f62b5ef6118daa1e6f2cc239cdaa154f0854ca7c79e061fc3abeee57a722370690e8525d12f260ed8f304d7b99845f064ef0c161c3c0637c62c9e6a72e323773e8d29a93246ec49e231f54cd64d229c67cd12f843ef9ff550b5f5373411606dbd980e7a34699e38f29e87766f76ff7c1c21fef91096de652d37c93aab0a6090af36cc82a48bf12d194eea1434de1ba7d2b46efd0d3d616f3aba29749f7ac23e65e9e2681e6dcdd76deda7c776b8ba30d06bf33484f1450158545cde1478cb3dc29d82d910b27e69860542049f8c70297712f12e151508bee6ab803c8684fe02d5b1e7844226c3a0a5d26bd9f1bb428e2d815eccc6a8e2484156fc6a2545179c277b117e5990b960d6d9e431e3ff4903fc3abec33baf78fe05323297ed18060000', 'c9e01ff093fbb3e38a715fa46e90c8c6', true);
INSERT INTO public.applicationstate VALUES ('e08e6d3c-cd0d-5673-bcb2-11d4115d627f', '\x1f8b08000000000004ffb554cb6e9c4010bcfb2b5a3e2507cc025e3f46ca2939e412c98a73caad179a871698d13c2cf3f7e98601ef5a56a258c99ea0a7b7babaaa9896b0f7adba00701e7d700abece95e9421bb2e83b3dca014947dd8d9d6ba942afe032dfe537499627bbec47b65359a68afce725c30ce41c36a4c085b2e4e73af4fd046e1a4baae003f63d78744707368c1fb97d9b2203007882efd053759896020006af072929f03610ff07c092b75bc301cba3aeebb51fa00a0b71057b37b703ff6a2cbdb60af2ad32e0f34b6731c47adf0d1def9764f3bb63de2bb061ca744242683c758e1552705d65785f15757683e5bed85fdf97f9615fe73777f55d7e7b9fedeac3dd3ea7db7a0685590e6d667157f4041e04ffc16a830dcad183eebb72fa24eb355687b1e23f9b161d7378146da92229b13d9605fbad298ed7b0e442ef9771fcac83657b96d70464805180c6ac8ab55a1fe3b4ef611cbbb1e1f1ac231cbbb152f0854cafa781461fcb9befd5767225706901a525f12f368e38f00697858445f0e4dd192cb978086e8a5dbcd59cc647663eaf29adb246e424f5d8fa44d6cd263c2d9e25f007ee9ff55877cd37341160a35ece07039ab4481c79cf4bbb37d9bf1c47887fbe84a57745cbcdb62eae0218e44f1b1643d22252b564b8a957d07a6f9c4ad3a6f357f48c83e9e9aad443ea098794ad8bfd1e6dc39fdbc667c06ebc3809d0ebf0b484f14601585d5cef14782b3da29d822510f27c1e8615420c9f83706a7712f14e1d150805670e49e92f501d674e2464310c5aaabc9637be57c87124d04bd8a23882acf8d64aca3e384ff6a47c3e90b560d539e4b1e3ff59037c3bbe233baf74fe055fa6332d18060000', 'ff83d660eef114cfd0ea8353f6851f87', true);


--
-- Data for Name: appprojectmanagedenvironment; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: appprojectrepository; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.appprojectrepository VALUES ('07930638-8bf5-5798-9d8b-3ad50cbc8d44', 1, 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'https://git.example.com/team/app', '2026-12-01 10:11:30.058', 'https://git.example.com/team/app');
INSERT INTO public.appprojectrepository VALUES ('32fb3df4-5142-53bb-80e4-8b479e95f4a5', 6, 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'https://git.example.com/team/app', '2026-12-01 10:11:32.152', 'https://git.example.com/team/app');


--
-- Data for Name: clusteraccess; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clusteraccess VALUES ('ba42c6a5-7e24-53ac-b315-6169a73e5543', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 1, '2026-12-01 10:11:30.058');
INSERT INTO public.clusteraccess VALUES ('b428cfd6-01ae-54ab-840b-48d452f3af53', '7bba3a26-3be1-512b-b322-79e166e8f468', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 2, '2026-12-01 10:11:32.152');


--
-- Data for Name: clustercredentials; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clustercredentials VALUES ('9ced680c-b614-511a-8576-a051e886ed20', 1, 'host', 'kube_config', 'kube_config_context', 'serviceaccount_bearer_token', 'serviceaccount_ns', false, '2026-12-01 10:11:29.663', NULL, false);
INSERT INTO public.clustercredentials VALUES ('b564e45e-cdb9-5f00-b3d0-1e015d0a4053', 2, 'host', 'kube_config', 'kube_config_context', 'serviceaccount_bearer_token', 'serviceaccount_ns', false, '2026-12-01 10:11:30.058', NULL, false);
INSERT INTO public.clustercredentials VALUES ('7f1df376-84e3-5a12-8f82-f5ca6774f131', 3, 'host', 'kube_config', 'kube_config_context', 'serviceaccount_bearer_token', 'serviceaccount_ns', false, '2026-12-01 10:11:32.152', NULL, false);


--
-- Data for Name: clusteruser; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.clusteruser VALUES ('ba42c6a5-7e24-53ac-b315-6169a73e5543', 1, 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '2026-12-01 10:11:30.058', 'team');
INSERT INTO public.clusteruser VALUES ('b428cfd6-01ae-54ab-840b-48d452f3af53', 2, 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '2026-12-01 10:11:32.152', 'busy');


--
-- Data for Name: deploymenttoapplicationmapping; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.deploymenttoapplicationmapping VALUES ('6bc2bade-e2e4-4044-a6d8-47377ac4909d', 2, 'manual-0', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '0a7b8983-69fb-58a4-9219-e2dc24808ded', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('e4247628-4bad-42ad-a746-bb781e86313e', 4, 'protected-0', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '9ee5225b-ea1e-594f-9fa1-cf63aefcd13f', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('758226cf-f69a-400f-a641-47c149cd9901', 6, 'protected-3', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '1958fd0b-b869-5577-b22f-79bc3569bddc', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('217ef27a-e063-4759-95da-b4d405b9fcfc', 7, 'ready-2', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'b9504b1d-6ee5-520f-a238-3f1340b77662', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('a3888286-683c-4bc3-8ec8-7fdef7e4d407', 8, 'manual-4', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'bf8a9569-8043-59ce-b096-297fec46ad66', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('c725680a-25cf-43b1-89b6-f3c8304c3be3', 9, 'manual-2', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'cbc3e472-7289-580a-979a-26440d2b7706', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('ed7ee6e7-99c1-4e7b-bd9b-311a84839d45', 10, 'ready-4', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'd09b3c36-c55b-5a5b-b0e4-93a63a86c450', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('bd30d7fa-0cdb-4552-8fcc-3d47cec83131', 11, 'ready-3', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'd760778c-6cd7-55d5-981a-b9b6b747ae3d', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('81d5bca9-e879-4876-95d7-026202ae1554', 12, 'protected-2', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'e4475e3a-2e6f-5cf1-975a-05ded60e117e', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('ed8d185d-43ff-46cf-9791-3f42c0528f7a', 13, 'manual-3', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'eacfc2ea-bb69-5b89-b840-307975936ba6', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('0645613b-2574-4355-bb0c-7099fa1655aa', 14, 'manual-1', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'ed9774e9-2881-5491-b9eb-7467cabe537e', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('7e7f1537-5d3c-4063-961c-ec6f784b4750', 15, 'protected-4', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'f18bf1a8-e083-51f8-b1a4-b13c8c9f2025', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('ecb07525-b7f2-41b0-89ab-606b295737b5', 16, 'protected-5', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '02f0460d-f05e-5345-a5b2-92dd2bbac4cf', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('e82b59b3-6d7f-4b37-a82d-5ded62bdf537', 17, 'ready-5', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '689528be-c61e-5024-84cb-97ae8b87331c', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('e9c6a912-7e8a-4e05-b76e-e911aaad625c', 18, 'manual-5', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '96a9654d-c82b-5736-9fce-584871f3d500', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d', 19, 'missing-path', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', '9f8ab7f1-d7fa-585a-bf40-f2fc47550730', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('7b43751e-dde7-444b-a01d-46b04c5d707f', 20, 'sync-fails', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'd511c28a-7a31-58e7-b362-8dea752a2746', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('6c428c04-f7c3-4193-9195-52ccb7c554b9', 21, 'degraded', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'dddb152c-4109-5921-8a1d-1540d0282f65', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('030b9aa4-034f-4f4c-9813-5672e94bbec8', 1, 'ready-0', 'team', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'bf462d2e-8cda-5883-83b8-fe7e8f1d339f', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('3003d911-47c2-407f-8824-7b5095d35d42', 24, 'new-2-10', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'da8e12b3-3a66-5ac4-89e5-25cc11077c2d', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1', 25, 'new-2-11', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'e08e6d3c-cd0d-5673-bcb2-11d4115d627f', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('65016272-d3a9-46fc-a72e-0cc5462031ac', 26, 'new-4-16', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '048f0468-22b9-565d-a3fd-ee33f24bff7d', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93', 27, 'new-2-14', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '0d7b1275-9047-5d83-b601-7efb5ece66a5', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('c649be09-cd21-4811-a741-854c169ce213', 28, 'new-3-13', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '145c4046-d135-5193-84d7-6cd753183c16', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('7aeedd4c-fcae-4a36-99b4-8d5ce4668515', 29, 'new-1-14', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '174f8a74-e8b6-5754-ab90-46b088f9797d', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('74826062-5a57-42de-911e-aa62e2de5420', 30, 'new-1-11', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '1b089822-f66f-5d9b-bcb2-e44aa7366809', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('42a23b51-315c-437b-adab-3a16e18be779', 31, 'new-1-16', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '27d222e5-a375-53be-bd83-7a5d6fbc4a3c', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('7101b356-b0bd-480c-bb99-8c734434229d', 32, 'new-2-12', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '2d6d3786-e585-5237-aae4-dc5ef090f1ee', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('569a71c1-3ca5-462c-a0b2-0becdc78df51', 33, 'new-2-17', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '2f70c907-43d2-5f2f-968c-9bd7bc48ee2a', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('cc54bd48-21a6-4d9e-a56f-d8eb53f75335', 34, 'new-4-11', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '3361dae0-869d-5d09-a4d5-bbb8de5c61ed', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('96a0d98b-bb66-46e1-8945-a2c3722de309', 35, 'new-3-12', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '35029261-4957-536a-9ec3-ed0b58f663c8', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('3f2581b6-7690-4829-8693-cfff0342de2e', 36, 'new-1-10', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '4738c89f-7ed9-5c01-b09a-49d4cd22ba58', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('031e9a23-0f69-4d40-bbc8-2977f6fa9ad0', 37, 'new-1-13', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '4c508d97-4996-5073-95b6-2c144ed51840', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('df350801-779a-480c-b0dd-b6c16c6b6571', 38, 'new-3-10', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '555227ac-88c2-5c54-bdfb-0e06c9e8cc1b', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('d5611234-d190-4ae2-b1f2-80f41a1f139c', 39, 'new-4-12', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '5877186b-397b-5325-b3cd-c06ce2a343d6', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('fa5ef650-7cd8-4e35-bf24-09cc7172bd75', 40, 'new-2-16', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '5a64fb97-f4f5-53a2-a45b-6794cf5eb324', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('c9d9c61b-67ec-4d95-9ad1-874a180bf27b', 41, 'new-3-14', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '74c66223-07c5-5b5a-abbf-1a0aca297d13', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('132e1237-f00f-4874-80b7-f025d4947cb6', 42, 'new-2-18', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '76c93f8c-df3e-5a0a-bbbd-eee6835b64b8', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('3e794295-714d-4157-8376-616a155a7e0b', 43, 'new-4-14', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '7b53cf05-64bb-5e9f-8af0-526056ec869e', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('b0f81457-c83e-4b65-8874-a288b1ee636f', 44, 'new-4-13', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '7e4960e8-af00-50ad-96be-14414955ade8', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('f6e0e868-0efd-4853-a973-bc385fb4f84b', 45, 'new-4-15', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '82915354-c2e1-50f9-b7a7-d54a85015305', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('838b3310-ea77-4a0d-912d-5195c65c171b', 46, 'new-3-15', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', '9c19aa7c-5d65-5bd5-9698-109d13175c00', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('de60cf46-b239-4f09-94ae-88db4c5d2b00', 47, 'new-2-19', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'a70395ea-b736-57e7-b697-1cd71151789d', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('75dcfdd6-debd-4a37-9fe0-73ed894d5311', 48, 'new-2-13', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'a8f9ba34-f21b-5310-a071-ed86d74a9020', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('483fd783-65a5-4fce-92c4-85e8a4b4bf8d', 49, 'new-4-10', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'acece24d-b325-5b93-9417-78151aabe5f2', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('ff7640bf-1517-4ee9-b34a-2ac39a57abb7', 50, 'new-4-17', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'b438827a-9462-5e26-96fc-068e2ecb435d', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('670980ba-91d5-4d9a-b225-811b75dce344', 51, 'new-1-15', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'c3a5f6fd-10c3-5b35-8543-e76c6b6eadc3', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('7f634eaa-5869-4af7-8187-af3fbb3e2bac', 52, 'new-4-18', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'c8d9151a-0452-5050-b474-b93b4c8a5dee', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('4356952e-9d00-4589-973f-386f22f5bb3c', 53, 'new-3-11', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'ce0e72a6-69d2-5492-961d-ede26b597456', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('a17b816b-1968-47b1-944c-65ebf696a4fc', 54, 'new-3-16', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'd3750685-0882-5ddb-80a4-013929d5dfb3', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('6b06f274-9674-41d1-9fcc-a7fffd79e72a', 55, 'new-1-12', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'de96eabf-1bf9-582a-ae8f-ad1e6c3f82b2', 'https://git.example.com/team/app');
INSERT INTO public.deploymenttoapplicationmapping VALUES ('85d6b7ca-3683-4f59-ae17-a9431f842fb0', 56, 'new-2-15', 'busy', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'ea2b9ee1-2240-5d7c-a56d-acc5b729a95c', 'https://git.example.com/team/app');


--
-- Data for Name: fence; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.fence VALUES ('backend', 1, 'process_887c2d86-5551-4b2d-9c33-563f4a86fe57', 1796119889636);
INSERT INTO public.fence VALUES ('agent', 1, 'process_887c2d86-5551-4b2d-9c33-563f4a86fe57', 1796119889640);


--
-- Data for Name: gitopsenginecluster; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.gitopsenginecluster VALUES ('0de143a3-f446-508d-9e47-259b77247586', 1, '9ced680c-b614-511a-8576-a051e886ed20');


--
-- Data for Name: gitopsengineinstance; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.gitopsengineinstance VALUES ('71da426c-df6e-5b4f-93e1-a4e1dc020c81', 1, 'gitops-service-argocd', '3f1461c3-1b40-4ad1-948d-593934c660e4', '0de143a3-f446-508d-9e47-259b77247586');


--
-- Data for Name: kubernetestodbresourcemapping; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.kubernetestodbresourcemapping VALUES ('Namespace', 'e0dc4e0f-bb13-4770-affa-b75af8068bb2', 'GitopsEngineCluster', '0de143a3-f446-508d-9e47-259b77247586', 1);
INSERT INTO public.kubernetestodbresourcemapping VALUES ('Namespace', '3f1461c3-1b40-4ad1-948d-593934c660e4', 'GitopsEngineInstance', '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 2);
INSERT INTO public.kubernetestodbresourcemapping VALUES ('Namespace', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'ManagedEnvironment', '66908008-d2e2-5f1f-9c44-dc7ae04ba72c', 3);
INSERT INTO public.kubernetestodbresourcemapping VALUES ('Namespace', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'ManagedEnvironment', '7bba3a26-3be1-512b-b322-79e166e8f468', 4);


--
-- Data for Name: machine; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.machine VALUES ('Tenant', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', '', '{"version":"1","state":{"Active":{}},"record":{"tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","rows":{"tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","environment":"66908008-d2e2-5f1f-9c44-dc7ae04ba72c","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81"}}}', 'Present/Active', 1, NULL, false, 1796119890058);
INSERT INTO public.machine VALUES ('Deployment', '24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'missing-path', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"missing-path","first_seen":64,"last_seen":176,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"missing-path","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"9f8ab7f1-d7fa-585a-bf40-f2fc47550730","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"5479e98a1ec6482ff1acbe14b8d30fde","applied":true},"born":1796119890316,"operations":1,"failures":0,"report":{"mirrored":"f32b932a2caffb034e15b495d2ae531a","sync":"Unknown","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"ab0c9fe59764ddcdb08f9b6908deb502","conditions":[{"type_":"ComparisonError","message":"Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = missing-path: app path does not exist"}]},"mirrored_conditions":[{"type_":"ComparisonError","message":"Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = missing-path: app path does not exist"}],"actual":{"conditions":"db3d5e27cca0210627c9f5c2be02213d","mirrored":"f32b932a2caffb034e15b495d2ae531a"}}}', 'Live/Settled', 4, NULL, false, 1796119890937);
INSERT INTO public.machine VALUES ('Deployment', '3003d911-47c2-407f-8824-7b5095d35d42', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-10', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952152,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902152}},"record":{"uid":"3003d911-47c2-407f-8824-7b5095d35d42","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-10","first_seen":208,"last_seen":208,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"da8e12b3-3a66-5ac4-89e5-25cc11077c2d","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"3b548404a21c748eb3c0fcb5df126da0","applied":false},"born":1796119892152,"operations":1,"open":{"id":"2cd2e3f7-c99a-5295-ae70-742e586817fc","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902152, true, 1796119892152);
INSERT INTO public.machine VALUES ('Deployment', 'c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-11', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952152,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902152}},"record":{"uid":"c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-11","first_seen":209,"last_seen":209,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"e08e6d3c-cd0d-5673-bcb2-11d4115d627f","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"e2b4aea07f0f012c029db8f01cc47cd8","applied":false},"born":1796119892152,"operations":1,"open":{"id":"725ea03f-b7ef-5a09-8f39-0868ef01d552","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902152, true, 1796119892152);
INSERT INTO public.machine VALUES ('Tenant', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', '', '{"version":"1","state":{"Active":{}},"record":{"tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","rows":{"tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","environment":"7bba3a26-3be1-512b-b322-79e166e8f468","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81"}}}', 'Present/Active', 1, NULL, false, 1796119892152);
INSERT INTO public.machine VALUES ('Deployment', '030b9aa4-034f-4f4c-9813-5672e94bbec8', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'ready-0', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"030b9aa4-034f-4f4c-9813-5672e94bbec8","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"ready-0","first_seen":15,"last_seen":198,"generation":2,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/edited","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"bf462d2e-8cda-5883-83b8-fe7e8f1d339f","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"23765788d3f7ae0dee53ed41df1d1d27","applied":true},"born":1796119890058,"operations":2,"failures":0,"report":{"mirrored":"72de19c55a0eaf0cebba07f91096b487","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"6277ca1d0a32fc8dd088a8d4c89cb684","conditions":[]},"actual":{"conditions":"d3a64712507e8c92afb01f9cd16618f1","mirrored":"72de19c55a0eaf0cebba07f91096b487"}}}', 'Live/Settled', 10, NULL, false, 1796119891813);
INSERT INTO public.machine VALUES ('Deployment', 'c725680a-25cf-43b1-89b6-f3c8304c3be3', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'manual-2', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"c725680a-25cf-43b1-89b6-f3c8304c3be3","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"manual-2","first_seen":24,"last_seen":138,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy","target_revision":"main","type_":"manual"},"present":true,"finalizer":false,"application":{"id":"cbc3e472-7289-580a-979a-26440d2b7706","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"c7d174769a701af66523cd775cdbb34f","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"be9574848b35faf6b7cd6aebba1b8df4","conditions":[]},"actual":{"conditions":"c16b0f95c95df38cbe5bd4e82a2aef17","mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb"}}}', 'Live/Settled', 3, NULL, false, 1796119890659);
INSERT INTO public.machine VALUES ('Deployment', 'ed7ee6e7-99c1-4e7b-bd9b-311a84839d45', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'ready-4', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"ed7ee6e7-99c1-4e7b-bd9b-311a84839d45","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"ready-4","first_seen":33,"last_seen":167,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/4","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"d09b3c36-c55b-5a5b-b0e4-93a63a86c450","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"11af5929d0e5fa6c4baad276b4384c97","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"64cce5c9e202f59df218f2d71820713f","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"bab58fd2271af496a0ca1caf3c6e229d","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"64cce5c9e202f59df218f2d71820713f"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Deployment', '6c428c04-f7c3-4193-9195-52ccb7c554b9', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'degraded', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"6c428c04-f7c3-4193-9195-52ccb7c554b9","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"degraded","first_seen":47,"last_seen":179,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"degraded","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"dddb152c-4109-5921-8a1d-1540d0282f65","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"9f723d754f4c85c29a85da1b1e53d7b8","applied":true},"born":1796119890316,"operations":1,"failures":0,"report":{"mirrored":"8083148469ed68e318ba196c5fbd0f1d","sync":"Synced","health":"Degraded","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"6269294d2fc3da53ced91cf11085e353","conditions":[]},"actual":{"conditions":"3b7799d7bc043e7da2b418e3446a8a59","mirrored":"8083148469ed68e318ba196c5fbd0f1d"}}}', 'Live/Settled', 5, NULL, false, 1796119891005);
INSERT INTO public.machine VALUES ('Deployment', '263e8b08-7cc6-46e2-aa22-1e8ab7e82327', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'rejected', '{"version":"1","lifecycle":{"Rejected":{}},"error_flag":{"Raised":{"message":"spec.source.path is a required field and it cannot be empty"}},"mirror":{"Clean":{}},"record":{"uid":"263e8b08-7cc6-46e2-aa22-1e8ab7e82327","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"rejected","first_seen":65,"last_seen":112,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"born":1796119890316,"operations":0,"failures":0,"actual":{"conditions":"de659c15e0b681ad8fb1c8229376ea11","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Rejected', 2, NULL, false, 1796119890513);
INSERT INTO public.machine VALUES ('Deployment', 'e82b59b3-6d7f-4b37-a82d-5ded62bdf537', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'ready-5', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"e82b59b3-6d7f-4b37-a82d-5ded62bdf537","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"ready-5","first_seen":40,"last_seen":184,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/5","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"689528be-c61e-5024-84cb-97ae8b87331c","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"37c76bddcefd66f26372cfbef5fff264","applied":true},"born":1796119890316,"operations":1,"failures":0,"report":{"mirrored":"9e9d2b8189a1eaebdca21fc1cc8a77a7","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"15502e3a393527fe5ac5e01d1a9c5364","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"9e9d2b8189a1eaebdca21fc1cc8a77a7"}}}', 'Live/Settled', 4, NULL, false, 1796119891005);
INSERT INTO public.machine VALUES ('Deployment', 'e9c6a912-7e8a-4e05-b76e-e911aaad625c', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'manual-5', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"e9c6a912-7e8a-4e05-b76e-e911aaad625c","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"manual-5","first_seen":43,"last_seen":181,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy","target_revision":"main","type_":"manual"},"present":true,"finalizer":false,"application":{"id":"96a9654d-c82b-5736-9fce-584871f3d500","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"9497e5604256e9d217714fd66cb457c0","applied":true},"born":1796119890316,"operations":1,"failures":0,"report":{"mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"be9574848b35faf6b7cd6aebba1b8df4","conditions":[]},"actual":{"conditions":"c16b0f95c95df38cbe5bd4e82a2aef17","mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb"}}}', 'Live/Settled', 4, NULL, false, 1796119891005);
INSERT INTO public.machine VALUES ('Deployment', '031e9a23-0f69-4d40-bbc8-2977f6fa9ad0', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-13', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"031e9a23-0f69-4d40-bbc8-2977f6fa9ad0","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-13","first_seen":223,"last_seen":223,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/1","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"4c508d97-4996-5073-95b6-2c144ed51840","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"530c0b713eca0babd2c50223f2aa1cd8","applied":false},"born":1796119892495,"operations":1,"open":{"id":"56164858-ebae-5e05-b862-630ca7eafd72","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '132e1237-f00f-4874-80b7-f025d4947cb6', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-18', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"132e1237-f00f-4874-80b7-f025d4947cb6","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-18","first_seen":234,"last_seen":234,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"76c93f8c-df3e-5a0a-bbbd-eee6835b64b8","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"d0f50fd979d97ef3860634b3b38d671b","applied":false},"born":1796119892495,"operations":1,"open":{"id":"1970f996-1928-5069-b93c-6182e61e2853","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '3e794295-714d-4157-8376-616a155a7e0b', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-14', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"3e794295-714d-4157-8376-616a155a7e0b","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-14","first_seen":227,"last_seen":227,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"7b53cf05-64bb-5e9f-8af0-526056ec869e","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"bc35e0c65139e33ab2cd1eca8017e100","applied":false},"born":1796119892495,"operations":1,"open":{"id":"aa846090-5c88-51c2-8908-33a48a3e966b","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '3f2581b6-7690-4829-8693-cfff0342de2e', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-10', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"3f2581b6-7690-4829-8693-cfff0342de2e","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-10","first_seen":213,"last_seen":213,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"4738c89f-7ed9-5c01-b09a-49d4cd22ba58","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"769aa766eeaabe7bf7dda8db226ada24","applied":false},"born":1796119892495,"operations":1,"open":{"id":"516f8ce4-502e-568b-bb48-e9eb440eb153","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '0645613b-2574-4355-bb0c-7099fa1655aa', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'manual-1', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"0645613b-2574-4355-bb0c-7099fa1655aa","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"manual-1","first_seen":20,"last_seen":135,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy","target_revision":"main","type_":"manual"},"present":true,"finalizer":false,"application":{"id":"ed9774e9-2881-5491-b9eb-7467cabe537e","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"fc113e176c3bc770a8247a1accd4c8f9","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"be9574848b35faf6b7cd6aebba1b8df4","conditions":[]},"actual":{"conditions":"c16b0f95c95df38cbe5bd4e82a2aef17","mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb"}}}', 'Live/Settled', 3, NULL, false, 1796119890659);
INSERT INTO public.machine VALUES ('Deployment', '6bc2bade-e2e4-4044-a6d8-47377ac4909d', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'manual-0', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"6bc2bade-e2e4-4044-a6d8-47377ac4909d","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"manual-0","first_seen":17,"last_seen":130,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy","target_revision":"main","type_":"manual"},"present":true,"finalizer":false,"application":{"id":"0a7b8983-69fb-58a4-9219-e2dc24808ded","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"5356340887bc1baf6ba9d6c07a1a0d7a","applied":true},"born":1796119890112,"operations":1,"failures":0,"report":{"mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"be9574848b35faf6b7cd6aebba1b8df4","conditions":[]},"actual":{"conditions":"c16b0f95c95df38cbe5bd4e82a2aef17","mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb"}}}', 'Live/Settled', 4, NULL, false, 1796119890659);
INSERT INTO public.machine VALUES ('Deployment', '217ef27a-e063-4759-95da-b4d405b9fcfc', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'ready-2', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"217ef27a-e063-4759-95da-b4d405b9fcfc","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"ready-2","first_seen":22,"last_seen":165,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"b9504b1d-6ee5-520f-a238-3f1340b77662","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"95cd7b2f8ec7b5b58e58eea86d6b0738","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"ce8c27f186ed9fe1cd65e10345423503","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b3ed59e62bd6bed2c62199c0cd8d90ce","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce8c27f186ed9fe1cd65e10345423503"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Operation', '3af7bb5d-4e04-5f62-ba64-fc7fcbab55fa', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', '', '', '{"version":"1","state":{"Deleting":{"deadline":1796120011383,"overdue":0}},"record":{"id":"3af7bb5d-4e04-5f62-ba64-fc7fcbab55fa","application":"f6b72b40-659d-5662-b39f-ab652a845660","owner":"ba42c6a5-7e24-53ac-b315-6169a73e5543","requester":"fe3e995e-79e4-4481-ab9f-6a29b3cbc738"}}', 'InProgress/Deleting', 1, 1796120011383, true, 1796119891383);
INSERT INTO public.machine VALUES ('Operation', '2cd2e3f7-c99a-5295-ae70-742e586817fc', 'b428cfd6-01ae-54ab-840b-48d452f3af53', '', '', '{"version":"1","state":{"Completed":{"deadline":1796119952627}},"record":{"id":"2cd2e3f7-c99a-5295-ae70-742e586817fc","application":"da8e12b3-3a66-5ac4-89e5-25cc11077c2d","owner":"b428cfd6-01ae-54ab-840b-48d452f3af53","requester":"3003d911-47c2-407f-8824-7b5095d35d42"}}', 'Finished/Completed', 3, 1796119952627, true, 1796119892627);
INSERT INTO public.machine VALUES ('Operation', '725ea03f-b7ef-5a09-8f39-0868ef01d552', 'b428cfd6-01ae-54ab-840b-48d452f3af53', '', '', '{"version":"1","state":{"Completed":{"deadline":1796119952627}},"record":{"id":"725ea03f-b7ef-5a09-8f39-0868ef01d552","application":"e08e6d3c-cd0d-5673-bcb2-11d4115d627f","owner":"b428cfd6-01ae-54ab-840b-48d452f3af53","requester":"c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1"}}', 'Finished/Completed', 3, 1796119952627, true, 1796119892627);
INSERT INTO public.machine VALUES ('Deployment', 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'protected-1', '{"version":"1","lifecycle":{"Finalizing":{"deadline":1796119922495}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119901813}},"record":{"uid":"ad9ef3ca-223b-4bbc-b9a1-07a557a89895","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"protected-1","first_seen":19,"last_seen":199,"generation":2,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/protected","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"born":1796119890112,"operations":2,"failures":0,"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce4082f580e3f269899b23121e6e8a1d"}}}', 'Terminating/Finalizing', 6, 1796119901813, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'e4247628-4bad-42ad-a746-bb781e86313e', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'protected-0', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"e4247628-4bad-42ad-a746-bb781e86313e","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"protected-0","first_seen":16,"last_seen":131,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/protected","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"application":{"id":"9ee5225b-ea1e-594f-9fa1-cf63aefcd13f","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"f9d0d56c9eeabddc3a3416fd99100af9","applied":true},"born":1796119890112,"operations":1,"failures":0,"report":{"mirrored":"ce4082f580e3f269899b23121e6e8a1d","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b3a6ebdcf34b6e3e1b596c5ee85f8cb2","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce4082f580e3f269899b23121e6e8a1d"}}}', 'Live/Settled', 4, NULL, false, 1796119890659);
INSERT INTO public.machine VALUES ('Deployment', 'ed8d185d-43ff-46cf-9791-3f42c0528f7a', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'manual-3', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"ed8d185d-43ff-46cf-9791-3f42c0528f7a","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"manual-3","first_seen":28,"last_seen":134,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy","target_revision":"main","type_":"manual"},"present":true,"finalizer":false,"application":{"id":"eacfc2ea-bb69-5b89-b840-307975936ba6","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"9b2ae65d9fe63c8d2c7c36b0ed0b27fa","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"be9574848b35faf6b7cd6aebba1b8df4","conditions":[]},"actual":{"conditions":"c16b0f95c95df38cbe5bd4e82a2aef17","mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb"}}}', 'Live/Settled', 3, NULL, false, 1796119890659);
INSERT INTO public.machine VALUES ('Deployment', '758226cf-f69a-400f-a641-47c149cd9901', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'protected-3', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"758226cf-f69a-400f-a641-47c149cd9901","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"protected-3","first_seen":26,"last_seen":168,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/protected","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"application":{"id":"1958fd0b-b869-5577-b22f-79bc3569bddc","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"aae100ce528dd695f3a14892df548624","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"ce4082f580e3f269899b23121e6e8a1d","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b3a6ebdcf34b6e3e1b596c5ee85f8cb2","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce4082f580e3f269899b23121e6e8a1d"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Deployment', '7e7f1537-5d3c-4063-961c-ec6f784b4750', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'protected-4', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"7e7f1537-5d3c-4063-961c-ec6f784b4750","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"protected-4","first_seen":35,"last_seen":163,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/protected","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"application":{"id":"f18bf1a8-e083-51f8-b1a4-b13c8c9f2025","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"73971de86382813778496a072f5d5e17","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"ce4082f580e3f269899b23121e6e8a1d","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b3a6ebdcf34b6e3e1b596c5ee85f8cb2","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce4082f580e3f269899b23121e6e8a1d"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Deployment', '81d5bca9-e879-4876-95d7-026202ae1554', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'protected-2', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"81d5bca9-e879-4876-95d7-026202ae1554","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"protected-2","first_seen":23,"last_seen":166,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/protected","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"application":{"id":"e4475e3a-2e6f-5cf1-975a-05ded60e117e","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"ac839b7b09a5aa66ed1a50f5bc17956d","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"ce4082f580e3f269899b23121e6e8a1d","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b3a6ebdcf34b6e3e1b596c5ee85f8cb2","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce4082f580e3f269899b23121e6e8a1d"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Deployment', 'a3888286-683c-4bc3-8ec8-7fdef7e4d407', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'manual-4', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"a3888286-683c-4bc3-8ec8-7fdef7e4d407","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"manual-4","first_seen":36,"last_seen":164,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy","target_revision":"main","type_":"manual"},"present":true,"finalizer":false,"application":{"id":"bf8a9569-8043-59ce-b096-297fec46ad66","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"ef1c4bbd27ceda73e40293c41ee8b9a3","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"","phase_message":"","compared_to":"be9574848b35faf6b7cd6aebba1b8df4","conditions":[]},"actual":{"conditions":"c16b0f95c95df38cbe5bd4e82a2aef17","mirrored":"5cc13e8f60d3c69a6e35f3847d6a64bb"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Deployment', 'bd30d7fa-0cdb-4552-8fcc-3d47cec83131', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'ready-3', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"bd30d7fa-0cdb-4552-8fcc-3d47cec83131","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"ready-3","first_seen":25,"last_seen":162,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"d760778c-6cd7-55d5-981a-b9b6b747ae3d","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"8aee32764f409486c89e776ad5e9bb6a","applied":true},"born":1796119890204,"operations":1,"failures":0,"report":{"mirrored":"11cc26f8434a0f17c75e9914ee62bd14","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b5e51573847577af6cdfdf181d98f902","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"11cc26f8434a0f17c75e9914ee62bd14"}}}', 'Live/Settled', 4, NULL, false, 1796119890846);
INSERT INTO public.machine VALUES ('Deployment', 'fe3e995e-79e4-4481-ab9f-6a29b3cbc738', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'stuck', '{"version":"1","lifecycle":{"Removing":{"deadline":1796120011338,"overdue":0,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119901338}},"record":{"uid":"fe3e995e-79e4-4481-ab9f-6a29b3cbc738","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"stuck","first_seen":71,"last_seen":185,"generation":2,"spec":{"repo_url":"https://git.example.com/team/app","path":"stuck","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"application":{"id":"f6b72b40-659d-5662-b39f-ab652a845660","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"185b515d9b363cc34f3009bf90311992","applied":true},"born":1796119890316,"operations":2,"open":{"id":"3af7bb5d-4e04-5f62-ba64-fc7fcbab55fa","claimed":false},"failures":0,"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"e3078d7ad723ebd4c8132dc0e32f62fe"}}}', 'Terminating/Removing', 5, 1796119901338, true, 1796119891338);
INSERT INTO public.machine VALUES ('Deployment', '7b43751e-dde7-444b-a01d-46b04c5d707f', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'sync-fails', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"7b43751e-dde7-444b-a01d-46b04c5d707f","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"sync-fails","first_seen":55,"last_seen":180,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"sync-fails","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"d511c28a-7a31-58e7-b362-8dea752a2746","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"4986af95a8d22788183e3ab1222af759","applied":true},"born":1796119890316,"operations":1,"failures":0,"report":{"mirrored":"4cb8a4f09bd60e87deeb7a4a214c2f0a","sync":"OutOfSync","health":"Missing","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Running","phase_message":"one or more objects failed to apply, reason: the stand-in was told so. Retrying attempt #1.","compared_to":"a69c3a4acc089e72a31f9cbab2742d84","conditions":[]},"actual":{"conditions":"048d537446e9a065cd1864ec4c40e4e5","mirrored":"4cb8a4f09bd60e87deeb7a4a214c2f0a"}}}', 'Live/Settled', 4, NULL, false, 1796119891005);
INSERT INTO public.machine VALUES ('Deployment', 'ecb07525-b7f2-41b0-89ab-606b295737b5', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 'team', 'protected-5', '{"version":"1","lifecycle":{"Settled":{}},"error_flag":{"Never":{}},"mirror":{"Clean":{}},"record":{"uid":"ecb07525-b7f2-41b0-89ab-606b295737b5","tenant":"fe84ef56-1bf0-4d6c-a803-08a517c8aab7","namespace":"team","name":"protected-5","first_seen":41,"last_seen":182,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/protected","target_revision":"main","type_":"automated"},"present":true,"finalizer":true,"application":{"id":"02f0460d-f05e-5345-a5b2-92dd2bbac4cf","user":"ba42c6a5-7e24-53ac-b315-6169a73e5543","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"cd92a84fc3cf77c22bd0d534babdb3f7","applied":true},"born":1796119890316,"operations":1,"failures":0,"report":{"mirrored":"ce4082f580e3f269899b23121e6e8a1d","sync":"Synced","health":"Healthy","revision":"4d1a9d3f16ac53549c2b5f268f827910fb852e7f","phase":"Succeeded","phase_message":"successfully synced (all tasks run)","compared_to":"b3a6ebdcf34b6e3e1b596c5ee85f8cb2","conditions":[]},"actual":{"conditions":"6305d26f7b61bc551b1b520586af6364","mirrored":"ce4082f580e3f269899b23121e6e8a1d"}}}', 'Live/Settled', 5, NULL, false, 1796119891005);
INSERT INTO public.machine VALUES ('Deployment', '42a23b51-315c-437b-adab-3a16e18be779', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-16', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"42a23b51-315c-437b-adab-3a16e18be779","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-16","first_seen":240,"last_seen":240,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"27d222e5-a375-53be-bd83-7a5d6fbc4a3c","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"7ef1e38056d150fa144faa319c98390b","applied":false},"born":1796119892495,"operations":1,"open":{"id":"d765e35c-05ad-5d38-8bf6-9515c83b34a2","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '4356952e-9d00-4589-973f-386f22f5bb3c', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-11', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"4356952e-9d00-4589-973f-386f22f5bb3c","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-11","first_seen":221,"last_seen":221,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"ce0e72a6-69d2-5492-961d-ede26b597456","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"cdeea9d03f53fd760d64ff2790d68dec","applied":false},"born":1796119892495,"operations":1,"open":{"id":"034b7cd6-07b7-5a3f-8107-16ec6022dabc","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '483fd783-65a5-4fce-92c4-85e8a4b4bf8d', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-10', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"483fd783-65a5-4fce-92c4-85e8a4b4bf8d","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-10","first_seen":211,"last_seen":211,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"acece24d-b325-5b93-9417-78151aabe5f2","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"d32d9f7df64829cf8a556065aebc6601","applied":false},"born":1796119892495,"operations":1,"open":{"id":"ee811141-cef3-54b8-9626-1845cc2634ec","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '569a71c1-3ca5-462c-a0b2-0becdc78df51', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-17', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"569a71c1-3ca5-462c-a0b2-0becdc78df51","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-17","first_seen":232,"last_seen":232,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/1","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"2f70c907-43d2-5f2f-968c-9bd7bc48ee2a","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"e8ca5093d0bd89848848dc73481e7acb","applied":false},"born":1796119892495,"operations":1,"open":{"id":"cdcfa2cf-fd1a-5166-8b79-e861e516cb8e","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '65016272-d3a9-46fc-a72e-0cc5462031ac', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-16', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"65016272-d3a9-46fc-a72e-0cc5462031ac","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-16","first_seen":236,"last_seen":236,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"048f0468-22b9-565d-a3fd-ee33f24bff7d","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"99137f71857c49621953c8f161514b3d","applied":false},"born":1796119892495,"operations":1,"open":{"id":"b9c95ce9-4eaa-5f60-8ed2-befe5aaa775c","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '670980ba-91d5-4d9a-b225-811b75dce344', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-15', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"670980ba-91d5-4d9a-b225-811b75dce344","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-15","first_seen":235,"last_seen":235,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"c3a5f6fd-10c3-5b35-8543-e76c6b6eadc3","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"7351b2f991adbf01ee460eb1849622a9","applied":false},"born":1796119892495,"operations":1,"open":{"id":"0f776113-0b4b-5b4b-a5c0-5f13f363218c","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '6b06f274-9674-41d1-9fcc-a7fffd79e72a', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-12', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"6b06f274-9674-41d1-9fcc-a7fffd79e72a","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-12","first_seen":222,"last_seen":222,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"de96eabf-1bf9-582a-ae8f-ad1e6c3f82b2","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"8256c11c067db70d1ee6501f01c72ca1","applied":false},"born":1796119892495,"operations":1,"open":{"id":"6fd8d9a8-932d-595e-ae51-bb96b0a5ae90","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '7101b356-b0bd-480c-bb99-8c734434229d', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-12', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"7101b356-b0bd-480c-bb99-8c734434229d","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-12","first_seen":212,"last_seen":212,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"2d6d3786-e585-5237-aae4-dc5ef090f1ee","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"81941e51ba1697dbbaa58f154db4d4fe","applied":false},"born":1796119892495,"operations":1,"open":{"id":"a4aa6f1c-0e16-5c35-8a04-11f6ef6a616a","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '74826062-5a57-42de-911e-aa62e2de5420', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-11', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"74826062-5a57-42de-911e-aa62e2de5420","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-11","first_seen":215,"last_seen":215,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"1b089822-f66f-5d9b-bcb2-e44aa7366809","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"772b7bfcaeaf7a5573098e53b111331e","applied":false},"born":1796119892495,"operations":1,"open":{"id":"1104de9a-92f4-52ea-9202-317658e63f7e","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '75dcfdd6-debd-4a37-9fe0-73ed894d5311', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-13', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"75dcfdd6-debd-4a37-9fe0-73ed894d5311","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-13","first_seen":214,"last_seen":214,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/1","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"a8f9ba34-f21b-5310-a071-ed86d74a9020","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"21932a2d45a71aebc2ed44f93ba4e88d","applied":false},"born":1796119892495,"operations":1,"open":{"id":"800bee8b-1dc7-589c-b774-05ade7a59c3b","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '7aeedd4c-fcae-4a36-99b4-8d5ce4668515', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-1-14', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"7aeedd4c-fcae-4a36-99b4-8d5ce4668515","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-1-14","first_seen":230,"last_seen":230,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"174f8a74-e8b6-5754-ab90-46b088f9797d","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"df0ec965b89158429df92b5a3c450c9d","applied":false},"born":1796119892495,"operations":1,"open":{"id":"38c065bd-ceb0-55ba-a9f7-664c1e083705","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '7f634eaa-5869-4af7-8187-af3fbb3e2bac', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-18', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"7f634eaa-5869-4af7-8187-af3fbb3e2bac","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-18","first_seen":241,"last_seen":241,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"c8d9151a-0452-5050-b474-b93b4c8a5dee","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"97d33122e5033430874888724a74e4ad","applied":false},"born":1796119892495,"operations":1,"open":{"id":"ef8c006a-4f62-55c6-a4fc-be8eddba382f","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '838b3310-ea77-4a0d-912d-5195c65c171b', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-15', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"838b3310-ea77-4a0d-912d-5195c65c171b","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-15","first_seen":237,"last_seen":237,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"9c19aa7c-5d65-5bd5-9698-109d13175c00","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"a3fe8fa1a3cb74c62945b2605a3a837b","applied":false},"born":1796119892495,"operations":1,"open":{"id":"7c636f0a-8b6a-5576-909d-5d631c3a6ad9","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '85d6b7ca-3683-4f59-ae17-a9431f842fb0', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-15', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"85d6b7ca-3683-4f59-ae17-a9431f842fb0","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-15","first_seen":220,"last_seen":220,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"ea2b9ee1-2240-5d7c-a56d-acc5b729a95c","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"647a27b94e0f05ca9afe7554c70328e2","applied":false},"born":1796119892495,"operations":1,"open":{"id":"d97acc9c-ea42-55ce-9358-0bb909dd727d","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', '96a0d98b-bb66-46e1-8945-a2c3722de309', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-12', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"96a0d98b-bb66-46e1-8945-a2c3722de309","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-12","first_seen":225,"last_seen":225,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"35029261-4957-536a-9ec3-ed0b58f663c8","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"bd9399f994a53eb05986bec748bef1eb","applied":false},"born":1796119892495,"operations":1,"open":{"id":"ebb714e9-17f3-5bfb-8405-9b1de2e677e1","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'a17b816b-1968-47b1-944c-65ebf696a4fc', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-16', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"a17b816b-1968-47b1-944c-65ebf696a4fc","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-16","first_seen":242,"last_seen":242,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"d3750685-0882-5ddb-80a4-013929d5dfb3","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"5319696ffd468d9c5ab65de72454cc9b","applied":false},"born":1796119892495,"operations":1,"open":{"id":"33b64c2f-99cc-55a4-b844-35472dbe52fe","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'b0f81457-c83e-4b65-8874-a288b1ee636f', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-13', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"b0f81457-c83e-4b65-8874-a288b1ee636f","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-13","first_seen":226,"last_seen":226,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/1","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"7e4960e8-af00-50ad-96be-14414955ade8","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"0e8757969881d97b94a225e6d7d0ccbe","applied":false},"born":1796119892495,"operations":1,"open":{"id":"3810c1a1-5214-516d-a82a-aba45f295283","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'c649be09-cd21-4811-a741-854c169ce213', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-13', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"c649be09-cd21-4811-a741-854c169ce213","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-13","first_seen":229,"last_seen":229,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/1","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"145c4046-d135-5193-84d7-6cd753183c16","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"4b539c4a3140bfb25a1ddf5f7caae93c","applied":false},"born":1796119892495,"operations":1,"open":{"id":"9acdd6fe-1548-5f89-bf2c-3f182a478df3","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'c9d9c61b-67ec-4d95-9ad1-874a180bf27b', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-14', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"c9d9c61b-67ec-4d95-9ad1-874a180bf27b","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-14","first_seen":233,"last_seen":233,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"74c66223-07c5-5b5a-abbf-1a0aca297d13","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"57bb8799a765b61e1c455ac3c4901752","applied":false},"born":1796119892495,"operations":1,"open":{"id":"ecc1d67d-2308-5def-9822-f60b8f2988af","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'cc54bd48-21a6-4d9e-a56f-d8eb53f75335', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-11', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"cc54bd48-21a6-4d9e-a56f-d8eb53f75335","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-11","first_seen":217,"last_seen":217,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"3361dae0-869d-5d09-a4d5-bbb8de5c61ed","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"e7ee8430729d32ab51ae5526b1b2a88b","applied":false},"born":1796119892495,"operations":1,"open":{"id":"08b9a4f5-a03b-5d8f-9f10-c60820e9c968","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'd5611234-d190-4ae2-b1f2-80f41a1f139c', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-12', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"d5611234-d190-4ae2-b1f2-80f41a1f139c","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-12","first_seen":224,"last_seen":224,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"5877186b-397b-5325-b3cd-c06ce2a343d6","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"4084514f01c2b5b9bd96b5f75bfa9256","applied":false},"born":1796119892495,"operations":1,"open":{"id":"617a6293-1ed8-5239-8bb4-e6d6bc515ffd","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'de60cf46-b239-4f09-94ae-88db4c5d2b00', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-19', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"de60cf46-b239-4f09-94ae-88db4c5d2b00","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-19","first_seen":238,"last_seen":238,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"a70395ea-b736-57e7-b697-1cd71151789d","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"d731c8d0d7e19f7a4b5d7ea0ce68b0bf","applied":false},"born":1796119892495,"operations":1,"open":{"id":"311a7752-5d58-5a89-9c3b-82b30ea80d04","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'df350801-779a-480c-b0dd-b6c16c6b6571', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-3-10', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"df350801-779a-480c-b0dd-b6c16c6b6571","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-3-10","first_seen":216,"last_seen":216,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"555227ac-88c2-5c54-bdfb-0e06c9e8cc1b","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"7b8f56bb0278d2559e0f05d9b179a48c","applied":false},"born":1796119892495,"operations":1,"open":{"id":"a341eef5-8402-5a4a-a80b-f42660e51e0d","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'f6e0e868-0efd-4853-a973-bc385fb4f84b', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-15', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"f6e0e868-0efd-4853-a973-bc385fb4f84b","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-15","first_seen":231,"last_seen":231,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/3","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"82915354-c2e1-50f9-b7a7-d54a85015305","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"3f663ee7bf481c6d8aa5ccf73fd8d060","applied":false},"born":1796119892495,"operations":1,"open":{"id":"6d0a0599-d9ef-5387-9247-4da370ebc98a","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'fa5ef650-7cd8-4e35-bf24-09cc7172bd75', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-16', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"fa5ef650-7cd8-4e35-bf24-09cc7172bd75","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-16","first_seen":228,"last_seen":228,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/0","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"5a64fb97-f4f5-53a2-a45b-6794cf5eb324","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"f3d38019304660ace0e9d7c71a25f00c","applied":false},"born":1796119892495,"operations":1,"open":{"id":"3c605fb4-882e-5efb-b204-4a3672f60939","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-2-14', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-2-14","first_seen":219,"last_seen":219,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/2","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"0d7b1275-9047-5d83-b601-7efb5ece66a5","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"190e7908fb2b2e065780b1397d63512b","applied":false},"born":1796119892495,"operations":1,"open":{"id":"f4fd3fce-f8ba-5331-b338-619cf3068737","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);
INSERT INTO public.machine VALUES ('Deployment', 'ff7640bf-1517-4ee9-b34a-2ac39a57abb7', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 'busy', 'new-4-17', '{"version":"1","lifecycle":{"Dispatching":{"deadline":1796119952495,"again":false}},"error_flag":{"Never":{}},"mirror":{"Holding":{"until":1796119902495}},"record":{"uid":"ff7640bf-1517-4ee9-b34a-2ac39a57abb7","tenant":"ef153feb-815c-4fd5-b967-d2408dfbbb1f","namespace":"busy","name":"new-4-17","first_seen":239,"last_seen":239,"generation":1,"spec":{"repo_url":"https://git.example.com/team/app","path":"deploy/1","target_revision":"main","type_":"automated"},"present":true,"finalizer":false,"application":{"id":"b438827a-9462-5e26-96fc-068e2ecb435d","user":"b428cfd6-01ae-54ab-840b-48d452f3af53","instance":"71da426c-df6e-5b4f-93e1-a4e1dc020c81","digest":"bd5d38fe859597a0336ddd573ee01db6","applied":false},"born":1796119892495,"operations":1,"open":{"id":"7d57bd8c-f4ec-5480-8fad-c0ac730097cc","claimed":false},"failures":0,"actual":{"conditions":"fb66b0fc6dccbeef541b3cb6765c3ebb","mirrored":"c63c23a7b0f1aaaa0f06fd6e1279526c"}}}', 'Live/Dispatching', 1, 1796119902495, true, 1796119892495);


--
-- Data for Name: managedenvironment; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.managedenvironment VALUES ('66908008-d2e2-5f1f-9c44-dc7ae04ba72c', 1, 'Managed Environment for team', 'b564e45e-cdb9-5f00-b3d0-1e015d0a4053', '2026-12-01 10:11:30.058');
INSERT INTO public.managedenvironment VALUES ('7bba3a26-3be1-512b-b322-79e166e8f468', 2, 'Managed Environment for busy', '7f1df376-84e3-5a12-8f82-f5ca6774f131', '2026-12-01 10:11:32.152');


--
-- Data for Name: operation; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.operation VALUES ('8b685d00-079b-5cef-b2df-c5682a5f47b5', 1, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'bf462d2e-8cda-5883-83b8-fe7e8f1d339f', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.058', '2026-12-01 10:11:30.324', 'Completed', NULL, NULL, '030b9aa4-034f-4f4c-9813-5672e94bbec8');
INSERT INTO public.operation VALUES ('329e8ef9-12ca-50e3-a14b-e382b002ce3e', 2, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '0a7b8983-69fb-58a4-9219-e2dc24808ded', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.112', '2026-12-01 10:11:30.324', 'Completed', NULL, NULL, '6bc2bade-e2e4-4044-a6d8-47377ac4909d');
INSERT INTO public.operation VALUES ('83a00ed4-3699-5326-98ab-3196fd349091', 3, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '9ee5225b-ea1e-594f-9fa1-cf63aefcd13f', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.112', '2026-12-01 10:11:30.324', 'Completed', NULL, NULL, 'e4247628-4bad-42ad-a746-bb781e86313e');
INSERT INTO public.operation VALUES ('9dba2257-a6c5-5acc-bac6-3c160da2edf2', 4, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'aca2b563-2db9-5482-a84b-14a045917299', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.112', '2026-12-01 10:11:30.324', 'Completed', NULL, NULL, '35fb3ea4-01b8-4551-8d56-ae74609980a8');
INSERT INTO public.operation VALUES ('baed0605-46d3-581e-b6c7-9855e6fe814d', 5, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '58030073-76fa-523c-9ef8-5b28e16e23e8', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.112', '2026-12-01 10:11:30.324', 'Completed', NULL, NULL, 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895');
INSERT INTO public.operation VALUES ('176462d2-89d1-5452-a8ee-dce5d550c137', 6, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'f18bf1a8-e083-51f8-b1a4-b13c8c9f2025', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, '7e7f1537-5d3c-4063-961c-ec6f784b4750');
INSERT INTO public.operation VALUES ('1dd73200-2df1-5ea0-970f-53736dcdb9f7', 7, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'd09b3c36-c55b-5a5b-b0e4-93a63a86c450', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, 'ed7ee6e7-99c1-4e7b-bd9b-311a84839d45');
INSERT INTO public.operation VALUES ('3f6593b3-66b8-5394-aa6a-19abccaef5fd', 8, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'bf8a9569-8043-59ce-b096-297fec46ad66', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, 'a3888286-683c-4bc3-8ec8-7fdef7e4d407');
INSERT INTO public.operation VALUES ('406d2b74-0125-5900-a2e1-c742173afdf8', 9, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'd760778c-6cd7-55d5-981a-b9b6b747ae3d', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, 'bd30d7fa-0cdb-4552-8fcc-3d47cec83131');
INSERT INTO public.operation VALUES ('4b235819-f48b-5672-bd81-8f43bc61f2e0', 10, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'ed9774e9-2881-5491-b9eb-7467cabe537e', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, '0645613b-2574-4355-bb0c-7099fa1655aa');
INSERT INTO public.operation VALUES ('2cd2e3f7-c99a-5295-ae70-742e586817fc', 27, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'da8e12b3-3a66-5ac4-89e5-25cc11077c2d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.152', '2026-12-01 10:11:32.627', 'Completed', NULL, NULL, '3003d911-47c2-407f-8824-7b5095d35d42');
INSERT INTO public.operation VALUES ('725ea03f-b7ef-5a09-8f39-0868ef01d552', 28, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'e08e6d3c-cd0d-5673-bcb2-11d4115d627f', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.152', '2026-12-01 10:11:32.627', 'Completed', NULL, NULL, 'c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1');
INSERT INTO public.operation VALUES ('8e211a29-336f-521e-91d2-3fc11e6048bb', 11, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'e4475e3a-2e6f-5cf1-975a-05ded60e117e', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, '81d5bca9-e879-4876-95d7-026202ae1554');
INSERT INTO public.operation VALUES ('8e9497c5-b413-53e9-bc96-d37cdd45982d', 12, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '1958fd0b-b869-5577-b22f-79bc3569bddc', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, '758226cf-f69a-400f-a641-47c149cd9901');
INSERT INTO public.operation VALUES ('dd2a9a55-2dbd-5a42-a011-36696e36090a', 13, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'b9504b1d-6ee5-520f-a238-3f1340b77662', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, '217ef27a-e063-4759-95da-b4d405b9fcfc');
INSERT INTO public.operation VALUES ('e954b41b-16b3-5198-8c15-efbd4b34a189', 14, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'cbc3e472-7289-580a-979a-26440d2b7706', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, 'c725680a-25cf-43b1-89b6-f3c8304c3be3');
INSERT INTO public.operation VALUES ('fb569ba9-167c-54a7-99cd-1e0f441f21c4', 15, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'eacfc2ea-bb69-5b89-b840-307975936ba6', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.204', '2026-12-01 10:11:30.429', 'Completed', NULL, NULL, 'ed8d185d-43ff-46cf-9791-3f42c0528f7a');
INSERT INTO public.operation VALUES ('299bf44c-cc20-514d-90c7-6305644561d0', 16, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '02f0460d-f05e-5345-a5b2-92dd2bbac4cf', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, 'ecb07525-b7f2-41b0-89ab-606b295737b5');
INSERT INTO public.operation VALUES ('34d5ad95-1e54-55ca-bc99-4a076e0db298', 17, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'd511c28a-7a31-58e7-b362-8dea752a2746', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, '7b43751e-dde7-444b-a01d-46b04c5d707f');
INSERT INTO public.operation VALUES ('367ab8ca-93a7-5cc6-b91c-804092431f7c', 18, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'dddb152c-4109-5921-8a1d-1540d0282f65', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, '6c428c04-f7c3-4193-9195-52ccb7c554b9');
INSERT INTO public.operation VALUES ('7140f961-c9e1-5d49-a0fa-0d063b5f9eb7', 19, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '96a9654d-c82b-5736-9fce-584871f3d500', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, 'e9c6a912-7e8a-4e05-b76e-e911aaad625c');
INSERT INTO public.operation VALUES ('782baf27-4675-501a-8cf6-7feff98edb74', 20, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'f6b72b40-659d-5662-b39f-ab652a845660', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, 'fe3e995e-79e4-4481-ab9f-6a29b3cbc738');
INSERT INTO public.operation VALUES ('92a35a1f-8d0e-55b0-8c62-e71b4633821f', 21, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '9f8ab7f1-d7fa-585a-bf40-f2fc47550730', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, '24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d');
INSERT INTO public.operation VALUES ('a07f53d5-e931-54b7-a8de-504e92f91064', 26, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '58030073-76fa-523c-9ef8-5b28e16e23e8', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:31.813', '2026-12-01 10:11:32.14', 'Completed', NULL, NULL, 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895');
INSERT INTO public.operation VALUES ('c43f9eec-6bf3-51da-b6cd-4530b6f42070', 22, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '689528be-c61e-5024-84cb-97ae8b87331c', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:30.316', '2026-12-01 10:11:30.701', 'Completed', NULL, NULL, 'e82b59b3-6d7f-4b37-a82d-5ded62bdf537');
INSERT INTO public.operation VALUES ('3af7bb5d-4e04-5f62-ba64-fc7fcbab55fa', 23, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'f6b72b40-659d-5662-b39f-ab652a845660', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:31.338', '2026-12-01 10:11:31.383', 'In_Progress', NULL, NULL, 'fe3e995e-79e4-4481-ab9f-6a29b3cbc738');
INSERT INTO public.operation VALUES ('6546d85a-f19b-5e44-8409-57422840dea0', 24, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'bf462d2e-8cda-5883-83b8-fe7e8f1d339f', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:31.612', '2026-12-01 10:11:31.647', 'Completed', NULL, NULL, '030b9aa4-034f-4f4c-9813-5672e94bbec8');
INSERT INTO public.operation VALUES ('401da8bc-47b0-52f8-9098-c68896a2d65f', 25, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'aca2b563-2db9-5482-a84b-14a045917299', 'ba42c6a5-7e24-53ac-b315-6169a73e5543', 'Application', '2026-12-01 10:11:31.742', '2026-12-01 10:11:31.89', 'Completed', NULL, NULL, '35fb3ea4-01b8-4551-8d56-ae74609980a8');
INSERT INTO public.operation VALUES ('034b7cd6-07b7-5a3f-8107-16ec6022dabc', 29, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'ce0e72a6-69d2-5492-961d-ede26b597456', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '4356952e-9d00-4589-973f-386f22f5bb3c');
INSERT INTO public.operation VALUES ('08b9a4f5-a03b-5d8f-9f10-c60820e9c968', 30, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '3361dae0-869d-5d09-a4d5-bbb8de5c61ed', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'cc54bd48-21a6-4d9e-a56f-d8eb53f75335');
INSERT INTO public.operation VALUES ('0f776113-0b4b-5b4b-a5c0-5f13f363218c', 31, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'c3a5f6fd-10c3-5b35-8543-e76c6b6eadc3', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '670980ba-91d5-4d9a-b225-811b75dce344');
INSERT INTO public.operation VALUES ('1104de9a-92f4-52ea-9202-317658e63f7e', 32, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '1b089822-f66f-5d9b-bcb2-e44aa7366809', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '74826062-5a57-42de-911e-aa62e2de5420');
INSERT INTO public.operation VALUES ('1970f996-1928-5069-b93c-6182e61e2853', 33, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '76c93f8c-df3e-5a0a-bbbd-eee6835b64b8', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '132e1237-f00f-4874-80b7-f025d4947cb6');
INSERT INTO public.operation VALUES ('311a7752-5d58-5a89-9c3b-82b30ea80d04', 34, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'a70395ea-b736-57e7-b697-1cd71151789d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'de60cf46-b239-4f09-94ae-88db4c5d2b00');
INSERT INTO public.operation VALUES ('33b64c2f-99cc-55a4-b844-35472dbe52fe', 35, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'd3750685-0882-5ddb-80a4-013929d5dfb3', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'a17b816b-1968-47b1-944c-65ebf696a4fc');
INSERT INTO public.operation VALUES ('3810c1a1-5214-516d-a82a-aba45f295283', 36, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7e4960e8-af00-50ad-96be-14414955ade8', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'b0f81457-c83e-4b65-8874-a288b1ee636f');
INSERT INTO public.operation VALUES ('38c065bd-ceb0-55ba-a9f7-664c1e083705', 37, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '174f8a74-e8b6-5754-ab90-46b088f9797d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '7aeedd4c-fcae-4a36-99b4-8d5ce4668515');
INSERT INTO public.operation VALUES ('3c605fb4-882e-5efb-b204-4a3672f60939', 38, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '5a64fb97-f4f5-53a2-a45b-6794cf5eb324', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'fa5ef650-7cd8-4e35-bf24-09cc7172bd75');
INSERT INTO public.operation VALUES ('516f8ce4-502e-568b-bb48-e9eb440eb153', 39, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '4738c89f-7ed9-5c01-b09a-49d4cd22ba58', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '3f2581b6-7690-4829-8693-cfff0342de2e');
INSERT INTO public.operation VALUES ('56164858-ebae-5e05-b862-630ca7eafd72', 40, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '4c508d97-4996-5073-95b6-2c144ed51840', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '031e9a23-0f69-4d40-bbc8-2977f6fa9ad0');
INSERT INTO public.operation VALUES ('617a6293-1ed8-5239-8bb4-e6d6bc515ffd', 41, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '5877186b-397b-5325-b3cd-c06ce2a343d6', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'd5611234-d190-4ae2-b1f2-80f41a1f139c');
INSERT INTO public.operation VALUES ('6d0a0599-d9ef-5387-9247-4da370ebc98a', 42, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '82915354-c2e1-50f9-b7a7-d54a85015305', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'f6e0e868-0efd-4853-a973-bc385fb4f84b');
INSERT INTO public.operation VALUES ('6fd8d9a8-932d-595e-ae51-bb96b0a5ae90', 43, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'de96eabf-1bf9-582a-ae8f-ad1e6c3f82b2', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '6b06f274-9674-41d1-9fcc-a7fffd79e72a');
INSERT INTO public.operation VALUES ('7c636f0a-8b6a-5576-909d-5d631c3a6ad9', 44, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '9c19aa7c-5d65-5bd5-9698-109d13175c00', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '838b3310-ea77-4a0d-912d-5195c65c171b');
INSERT INTO public.operation VALUES ('7d57bd8c-f4ec-5480-8fad-c0ac730097cc', 45, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'b438827a-9462-5e26-96fc-068e2ecb435d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'ff7640bf-1517-4ee9-b34a-2ac39a57abb7');
INSERT INTO public.operation VALUES ('800bee8b-1dc7-589c-b774-05ade7a59c3b', 46, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'a8f9ba34-f21b-5310-a071-ed86d74a9020', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '75dcfdd6-debd-4a37-9fe0-73ed894d5311');
INSERT INTO public.operation VALUES ('9acdd6fe-1548-5f89-bf2c-3f182a478df3', 47, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '145c4046-d135-5193-84d7-6cd753183c16', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'c649be09-cd21-4811-a741-854c169ce213');
INSERT INTO public.operation VALUES ('a341eef5-8402-5a4a-a80b-f42660e51e0d', 48, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '555227ac-88c2-5c54-bdfb-0e06c9e8cc1b', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'df350801-779a-480c-b0dd-b6c16c6b6571');
INSERT INTO public.operation VALUES ('a4aa6f1c-0e16-5c35-8a04-11f6ef6a616a', 49, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '2d6d3786-e585-5237-aae4-dc5ef090f1ee', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '7101b356-b0bd-480c-bb99-8c734434229d');
INSERT INTO public.operation VALUES ('aa846090-5c88-51c2-8908-33a48a3e966b', 50, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '7b53cf05-64bb-5e9f-8af0-526056ec869e', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '3e794295-714d-4157-8376-616a155a7e0b');
INSERT INTO public.operation VALUES ('b9c95ce9-4eaa-5f60-8ed2-befe5aaa775c', 51, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '048f0468-22b9-565d-a3fd-ee33f24bff7d', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '65016272-d3a9-46fc-a72e-0cc5462031ac');
INSERT INTO public.operation VALUES ('cdcfa2cf-fd1a-5166-8b79-e861e516cb8e', 52, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '2f70c907-43d2-5f2f-968c-9bd7bc48ee2a', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '569a71c1-3ca5-462c-a0b2-0becdc78df51');
INSERT INTO public.operation VALUES ('d765e35c-05ad-5d38-8bf6-9515c83b34a2', 53, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '27d222e5-a375-53be-bd83-7a5d6fbc4a3c', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '42a23b51-315c-437b-adab-3a16e18be779');
INSERT INTO public.operation VALUES ('d97acc9c-ea42-55ce-9358-0bb909dd727d', 54, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'ea2b9ee1-2240-5d7c-a56d-acc5b729a95c', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '85d6b7ca-3683-4f59-ae17-a9431f842fb0');
INSERT INTO public.operation VALUES ('ebb714e9-17f3-5bfb-8405-9b1de2e677e1', 55, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '35029261-4957-536a-9ec3-ed0b58f663c8', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '96a0d98b-bb66-46e1-8945-a2c3722de309');
INSERT INTO public.operation VALUES ('ecc1d67d-2308-5def-9822-f60b8f2988af', 56, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '74c66223-07c5-5b5a-abbf-1a0aca297d13', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'c9d9c61b-67ec-4d95-9ad1-874a180bf27b');
INSERT INTO public.operation VALUES ('ee811141-cef3-54b8-9626-1845cc2634ec', 57, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'acece24d-b325-5b93-9417-78151aabe5f2', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '483fd783-65a5-4fce-92c4-85e8a4b4bf8d');
INSERT INTO public.operation VALUES ('ef8c006a-4f62-55c6-a4fc-be8eddba382f', 58, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', 'c8d9151a-0452-5050-b474-b93b4c8a5dee', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, '7f634eaa-5869-4af7-8187-af3fbb3e2bac');
INSERT INTO public.operation VALUES ('f4fd3fce-f8ba-5331-b338-619cf3068737', 59, '71da426c-df6e-5b4f-93e1-a4e1dc020c81', '0d7b1275-9047-5d83-b601-7efb5ece66a5', 'b428cfd6-01ae-54ab-840b-48d452f3af53', 'Application', '2026-12-01 10:11:32.495', '2026-12-01 10:11:32.495', 'Waiting', NULL, NULL, 'fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93');


--
-- Data for Name: repositorycredentials; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: seaql_migrations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.seaql_migrations VALUES ('m20261101_000001_existing_tables', 1796119889);
INSERT INTO public.seaql_migrations VALUES ('m20261101_000002_urls_as_written', 1796119889);
INSERT INTO public.seaql_migrations VALUES ('m20261101_000003_machines', 1796119889);
INSERT INTO public.seaql_migrations VALUES ('m20261101_000004_wake_ups', 1796119889);
INSERT INTO public.seaql_migrations VALUES ('m20261101_000005_by_tenant', 1796119889);


--
-- Data for Name: syncoperation; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: transition; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.transition VALUES (1, 'Tenant', 'fe84ef56-1bf0-4d6c-a803-08a517c8aab7', 1796119890058, 'Unknown', 'Present/Active', 'Needed', 0);
INSERT INTO public.transition VALUES (2, 'Deployment', '030b9aa4-034f-4f4c-9813-5672e94bbec8', 1796119890058, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (3, 'Operation', '8b685d00-079b-5cef-b2df-c5682a5f47b5', 1796119890113, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (4, 'Deployment', 'e4247628-4bad-42ad-a746-bb781e86313e', 1796119890112, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (5, 'Deployment', '6bc2bade-e2e4-4044-a6d8-47377ac4909d', 1796119890112, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (6, 'Deployment', '35fb3ea4-01b8-4551-8d56-ae74609980a8', 1796119890112, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (7, 'Deployment', 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895', 1796119890112, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (8, 'Operation', '8b685d00-079b-5cef-b2df-c5682a5f47b5', 1796119890150, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (9, 'Operation', '83a00ed4-3699-5326-98ab-3196fd349091', 1796119890170, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (10, 'Operation', '83a00ed4-3699-5326-98ab-3196fd349091', 1796119890170, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (11, 'Operation', '329e8ef9-12ca-50e3-a14b-e382b002ce3e', 1796119890170, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (12, 'Operation', '329e8ef9-12ca-50e3-a14b-e382b002ce3e', 1796119890170, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (13, 'Operation', '9dba2257-a6c5-5acc-bac6-3c160da2edf2', 1796119890170, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (14, 'Operation', '9dba2257-a6c5-5acc-bac6-3c160da2edf2', 1796119890170, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (15, 'Operation', 'baed0605-46d3-581e-b6c7-9855e6fe814d', 1796119890170, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (16, 'Operation', 'baed0605-46d3-581e-b6c7-9855e6fe814d', 1796119890170, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (17, 'Deployment', '0645613b-2574-4355-bb0c-7099fa1655aa', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (18, 'Deployment', '217ef27a-e063-4759-95da-b4d405b9fcfc', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (19, 'Deployment', '81d5bca9-e879-4876-95d7-026202ae1554', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (20, 'Deployment', 'c725680a-25cf-43b1-89b6-f3c8304c3be3', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (21, 'Deployment', 'bd30d7fa-0cdb-4552-8fcc-3d47cec83131', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (22, 'Deployment', '758226cf-f69a-400f-a641-47c149cd9901', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (23, 'Deployment', 'ed8d185d-43ff-46cf-9791-3f42c0528f7a', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (24, 'Deployment', 'ed7ee6e7-99c1-4e7b-bd9b-311a84839d45', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (25, 'Deployment', '7e7f1537-5d3c-4063-961c-ec6f784b4750', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (26, 'Deployment', 'a3888286-683c-4bc3-8ec8-7fdef7e4d407', 1796119890204, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (27, 'Operation', '8b685d00-079b-5cef-b2df-c5682a5f47b5', 1796119890324, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (28, 'Operation', 'baed0605-46d3-581e-b6c7-9855e6fe814d', 1796119890324, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (29, 'Operation', '83a00ed4-3699-5326-98ab-3196fd349091', 1796119890324, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (30, 'Operation', '329e8ef9-12ca-50e3-a14b-e382b002ce3e', 1796119890324, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (31, 'Operation', '9dba2257-a6c5-5acc-bac6-3c160da2edf2', 1796119890324, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (32, 'Operation', '4b235819-f48b-5672-bd81-8f43bc61f2e0', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (33, 'Operation', '4b235819-f48b-5672-bd81-8f43bc61f2e0', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (34, 'Operation', 'dd2a9a55-2dbd-5a42-a011-36696e36090a', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (35, 'Operation', 'dd2a9a55-2dbd-5a42-a011-36696e36090a', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (36, 'Operation', '8e211a29-336f-521e-91d2-3fc11e6048bb', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (37, 'Operation', '8e211a29-336f-521e-91d2-3fc11e6048bb', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (38, 'Operation', 'e954b41b-16b3-5198-8c15-efbd4b34a189', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (39, 'Operation', 'e954b41b-16b3-5198-8c15-efbd4b34a189', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (40, 'Operation', '406d2b74-0125-5900-a2e1-c742173afdf8', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (41, 'Operation', '406d2b74-0125-5900-a2e1-c742173afdf8', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (42, 'Operation', '8e9497c5-b413-53e9-bc96-d37cdd45982d', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (43, 'Operation', '8e9497c5-b413-53e9-bc96-d37cdd45982d', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (44, 'Operation', 'fb569ba9-167c-54a7-99cd-1e0f441f21c4', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (45, 'Operation', 'fb569ba9-167c-54a7-99cd-1e0f441f21c4', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (46, 'Operation', '1dd73200-2df1-5ea0-970f-53736dcdb9f7', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (47, 'Operation', '1dd73200-2df1-5ea0-970f-53736dcdb9f7', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (48, 'Operation', '176462d2-89d1-5452-a8ee-dce5d550c137', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (49, 'Operation', '176462d2-89d1-5452-a8ee-dce5d550c137', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (50, 'Operation', '3f6593b3-66b8-5394-aa6a-19abccaef5fd', 1796119890324, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (51, 'Operation', '3f6593b3-66b8-5394-aa6a-19abccaef5fd', 1796119890324, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (52, 'Deployment', 'e82b59b3-6d7f-4b37-a82d-5ded62bdf537', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (53, 'Deployment', 'ecb07525-b7f2-41b0-89ab-606b295737b5', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (54, 'Deployment', 'e9c6a912-7e8a-4e05-b76e-e911aaad625c', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (55, 'Deployment', '6c428c04-f7c3-4193-9195-52ccb7c554b9', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (56, 'Deployment', '7b43751e-dde7-444b-a01d-46b04c5d707f', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (57, 'Deployment', '24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (58, 'Deployment', '263e8b08-7cc6-46e2-aa22-1e8ab7e82327', 1796119890316, 'Unseen', 'Live/Rejected', 'Observed', 1);
INSERT INTO public.transition VALUES (59, 'Deployment', 'fe3e995e-79e4-4481-ab9f-6a29b3cbc738', 1796119890316, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (114, 'Operation', '782baf27-4675-501a-8cf6-7feff98edb74', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (115, 'Operation', '367ab8ca-93a7-5cc6-b91c-804092431f7c', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (116, 'Operation', 'c43f9eec-6bf3-51da-b6cd-4530b6f42070', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (117, 'Operation', '299bf44c-cc20-514d-90c7-6305644561d0', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (118, 'Operation', '7140f961-c9e1-5d49-a0fa-0d063b5f9eb7', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (119, 'Operation', '34d5ad95-1e54-55ca-bc99-4a076e0db298', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (120, 'Operation', '92a35a1f-8d0e-55b0-8c62-e71b4633821f', 1796119890701, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (135, 'Deployment', 'fe3e995e-79e4-4481-ab9f-6a29b3cbc738', 1796119891338, 'Live/Settled', 'Terminating/Removing', 'Observed', 2);
INSERT INTO public.transition VALUES (137, 'Deployment', '030b9aa4-034f-4f4c-9813-5672e94bbec8', 1796119891612, 'Live/Settled', 'Live/Dispatching', 'Observed', 2);
INSERT INTO public.transition VALUES (141, 'Operation', '6546d85a-f19b-5e44-8409-57422840dea0', 1796119891699, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (143, 'Deployment', '35fb3ea4-01b8-4551-8d56-ae74609980a8', 1796119891742, 'Live/Settled', 'Terminating/Removing', 'Absent', 1);
INSERT INTO public.transition VALUES (145, 'Operation', '401da8bc-47b0-52f8-9098-c68896a2d65f', 1796119891890, 'InProgress/Deleting', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (147, 'Deployment', '35fb3ea4-01b8-4551-8d56-ae74609980a8', 1796119891961, 'Terminating/Removing', 'Gone', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (159, 'Deployment', '483fd783-65a5-4fce-92c4-85e8a4b4bf8d', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (160, 'Deployment', 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895', 1796119892495, 'Terminating/Removing', 'Terminating/Finalizing', 'OperationObserved', 2);
INSERT INTO public.transition VALUES (161, 'Deployment', '7101b356-b0bd-480c-bb99-8c734434229d', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (162, 'Deployment', '3f2581b6-7690-4829-8693-cfff0342de2e', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (163, 'Deployment', '75dcfdd6-debd-4a37-9fe0-73ed894d5311', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (164, 'Deployment', '74826062-5a57-42de-911e-aa62e2de5420', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (165, 'Deployment', 'df350801-779a-480c-b0dd-b6c16c6b6571', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (166, 'Deployment', 'cc54bd48-21a6-4d9e-a56f-d8eb53f75335', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (167, 'Deployment', 'fcb5b1f4-efb8-4bd1-9e6a-587b9fb80c93', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (168, 'Deployment', '85d6b7ca-3683-4f59-ae17-a9431f842fb0', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (169, 'Deployment', '4356952e-9d00-4589-973f-386f22f5bb3c', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (170, 'Deployment', '6b06f274-9674-41d1-9fcc-a7fffd79e72a', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (171, 'Deployment', '031e9a23-0f69-4d40-bbc8-2977f6fa9ad0', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (172, 'Deployment', 'd5611234-d190-4ae2-b1f2-80f41a1f139c', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (173, 'Deployment', '96a0d98b-bb66-46e1-8945-a2c3722de309', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (174, 'Deployment', 'b0f81457-c83e-4b65-8874-a288b1ee636f', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (175, 'Deployment', '3e794295-714d-4157-8376-616a155a7e0b', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (176, 'Deployment', 'fa5ef650-7cd8-4e35-bf24-09cc7172bd75', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (177, 'Deployment', 'c649be09-cd21-4811-a741-854c169ce213', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (178, 'Deployment', '7aeedd4c-fcae-4a36-99b4-8d5ce4668515', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (179, 'Deployment', 'f6e0e868-0efd-4853-a973-bc385fb4f84b', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (180, 'Deployment', '569a71c1-3ca5-462c-a0b2-0becdc78df51', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (181, 'Deployment', 'c9d9c61b-67ec-4d95-9ad1-874a180bf27b', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (182, 'Deployment', '132e1237-f00f-4874-80b7-f025d4947cb6', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (183, 'Deployment', '670980ba-91d5-4d9a-b225-811b75dce344', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (184, 'Deployment', '65016272-d3a9-46fc-a72e-0cc5462031ac', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (185, 'Deployment', '838b3310-ea77-4a0d-912d-5195c65c171b', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (186, 'Deployment', 'de60cf46-b239-4f09-94ae-88db4c5d2b00', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (187, 'Deployment', 'ff7640bf-1517-4ee9-b34a-2ac39a57abb7', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (188, 'Deployment', '42a23b51-315c-437b-adab-3a16e18be779', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (189, 'Deployment', '7f634eaa-5869-4af7-8187-af3fbb3e2bac', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (190, 'Deployment', 'a17b816b-1968-47b1-944c-65ebf696a4fc', 1796119892495, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (60, 'Operation', '1dd73200-2df1-5ea0-970f-53736dcdb9f7', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (61, 'Operation', 'e954b41b-16b3-5198-8c15-efbd4b34a189', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (62, 'Operation', 'fb569ba9-167c-54a7-99cd-1e0f441f21c4', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (63, 'Operation', '406d2b74-0125-5900-a2e1-c742173afdf8', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (64, 'Operation', '8e211a29-336f-521e-91d2-3fc11e6048bb', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (65, 'Operation', 'dd2a9a55-2dbd-5a42-a011-36696e36090a', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (66, 'Operation', '4b235819-f48b-5672-bd81-8f43bc61f2e0', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (67, 'Operation', '176462d2-89d1-5452-a8ee-dce5d550c137', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (68, 'Operation', '3f6593b3-66b8-5394-aa6a-19abccaef5fd', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (69, 'Operation', '8e9497c5-b413-53e9-bc96-d37cdd45982d', 1796119890429, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (70, 'Deployment', '030b9aa4-034f-4f4c-9813-5672e94bbec8', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (71, 'Deployment', 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (72, 'Deployment', 'e4247628-4bad-42ad-a746-bb781e86313e', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (73, 'Deployment', '6bc2bade-e2e4-4044-a6d8-47377ac4909d', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (74, 'Deployment', '35fb3ea4-01b8-4551-8d56-ae74609980a8', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (75, 'Deployment', 'ed7ee6e7-99c1-4e7b-bd9b-311a84839d45', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (76, 'Deployment', 'bd30d7fa-0cdb-4552-8fcc-3d47cec83131', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (77, 'Deployment', 'ed8d185d-43ff-46cf-9791-3f42c0528f7a', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (78, 'Deployment', 'c725680a-25cf-43b1-89b6-f3c8304c3be3', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (79, 'Deployment', '81d5bca9-e879-4876-95d7-026202ae1554', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (80, 'Deployment', '217ef27a-e063-4759-95da-b4d405b9fcfc', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (81, 'Deployment', '0645613b-2574-4355-bb0c-7099fa1655aa', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (82, 'Deployment', '7e7f1537-5d3c-4063-961c-ec6f784b4750', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (83, 'Deployment', 'a3888286-683c-4bc3-8ec8-7fdef7e4d407', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (84, 'Deployment', '758226cf-f69a-400f-a641-47c149cd9901', 1796119890513, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (85, 'Operation', '329e8ef9-12ca-50e3-a14b-e382b002ce3e', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (86, 'Operation', 'baed0605-46d3-581e-b6c7-9855e6fe814d', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (87, 'Operation', '83a00ed4-3699-5326-98ab-3196fd349091', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (88, 'Operation', '9dba2257-a6c5-5acc-bac6-3c160da2edf2', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (89, 'Operation', '8b685d00-079b-5cef-b2df-c5682a5f47b5', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (90, 'Operation', '8e211a29-336f-521e-91d2-3fc11e6048bb', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (91, 'Operation', '3f6593b3-66b8-5394-aa6a-19abccaef5fd', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (92, 'Operation', '406d2b74-0125-5900-a2e1-c742173afdf8', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (93, 'Operation', '8e9497c5-b413-53e9-bc96-d37cdd45982d', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (94, 'Operation', '176462d2-89d1-5452-a8ee-dce5d550c137', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (95, 'Operation', 'dd2a9a55-2dbd-5a42-a011-36696e36090a', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (96, 'Operation', 'c43f9eec-6bf3-51da-b6cd-4530b6f42070', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (97, 'Operation', 'c43f9eec-6bf3-51da-b6cd-4530b6f42070', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (98, 'Operation', '299bf44c-cc20-514d-90c7-6305644561d0', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (99, 'Operation', '299bf44c-cc20-514d-90c7-6305644561d0', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (100, 'Operation', '7140f961-c9e1-5d49-a0fa-0d063b5f9eb7', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (101, 'Operation', '7140f961-c9e1-5d49-a0fa-0d063b5f9eb7', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (102, 'Operation', '367ab8ca-93a7-5cc6-b91c-804092431f7c', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (103, 'Operation', '367ab8ca-93a7-5cc6-b91c-804092431f7c', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (104, 'Operation', '34d5ad95-1e54-55ca-bc99-4a076e0db298', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (105, 'Operation', '34d5ad95-1e54-55ca-bc99-4a076e0db298', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (106, 'Operation', '92a35a1f-8d0e-55b0-8c62-e71b4633821f', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (107, 'Operation', '92a35a1f-8d0e-55b0-8c62-e71b4633821f', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (108, 'Operation', '782baf27-4675-501a-8cf6-7feff98edb74', 1796119890549, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (109, 'Operation', '782baf27-4675-501a-8cf6-7feff98edb74', 1796119890549, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (110, 'Operation', '1dd73200-2df1-5ea0-970f-53736dcdb9f7', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (111, 'Operation', 'fb569ba9-167c-54a7-99cd-1e0f441f21c4', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (112, 'Operation', 'e954b41b-16b3-5198-8c15-efbd4b34a189', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (113, 'Operation', '4b235819-f48b-5672-bd81-8f43bc61f2e0', 1796119890549, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (128, 'Operation', 'c43f9eec-6bf3-51da-b6cd-4530b6f42070', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (129, 'Operation', '299bf44c-cc20-514d-90c7-6305644561d0', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (130, 'Operation', '367ab8ca-93a7-5cc6-b91c-804092431f7c', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (131, 'Operation', '782baf27-4675-501a-8cf6-7feff98edb74', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (132, 'Operation', '34d5ad95-1e54-55ca-bc99-4a076e0db298', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (133, 'Operation', '92a35a1f-8d0e-55b0-8c62-e71b4633821f', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (134, 'Operation', '7140f961-c9e1-5d49-a0fa-0d063b5f9eb7', 1796119890881, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (136, 'Operation', '3af7bb5d-4e04-5f62-ba64-fc7fcbab55fa', 1796119891383, 'Unclaimed', 'InProgress/Deleting', 'RowObserved', 0);
INSERT INTO public.transition VALUES (138, 'Operation', '6546d85a-f19b-5e44-8409-57422840dea0', 1796119891619, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (139, 'Operation', '6546d85a-f19b-5e44-8409-57422840dea0', 1796119891619, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (146, 'Deployment', 'ad9ef3ca-223b-4bbc-b9a1-07a557a89895', 1796119891813, 'Live/Settled', 'Terminating/Removing', 'Observed', 2);
INSERT INTO public.transition VALUES (149, 'Operation', 'a07f53d5-e931-54b7-a8de-504e92f91064', 1796119891994, 'Unclaimed', 'InProgress/Deleting', 'RowObserved', 0);
INSERT INTO public.transition VALUES (155, 'Operation', '2cd2e3f7-c99a-5295-ae70-742e586817fc', 1796119892496, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (156, 'Operation', '725ea03f-b7ef-5a09-8f39-0868ef01d552', 1796119892496, 'Unclaimed', 'InProgress/PreparingProject', 'RowObserved', 0);
INSERT INTO public.transition VALUES (121, 'Deployment', 'fe3e995e-79e4-4481-ab9f-6a29b3cbc738', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (122, 'Deployment', '6c428c04-f7c3-4193-9195-52ccb7c554b9', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (123, 'Deployment', 'e82b59b3-6d7f-4b37-a82d-5ded62bdf537', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (124, 'Deployment', 'ecb07525-b7f2-41b0-89ab-606b295737b5', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (125, 'Deployment', 'e9c6a912-7e8a-4e05-b76e-e911aaad625c', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (126, 'Deployment', '7b43751e-dde7-444b-a01d-46b04c5d707f', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (127, 'Deployment', '24c768d2-06ad-4fd7-8e7f-d48f6ee6b31d', 1796119890846, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 1);
INSERT INTO public.transition VALUES (144, 'Operation', '401da8bc-47b0-52f8-9098-c68896a2d65f', 1796119891811, 'Unclaimed', 'InProgress/Deleting', 'RowObserved', 0);
INSERT INTO public.transition VALUES (150, 'Operation', 'a07f53d5-e931-54b7-a8de-504e92f91064', 1796119892140, 'InProgress/Deleting', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (151, 'Operation', 'a07f53d5-e931-54b7-a8de-504e92f91064', 1796119892192, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (157, 'Operation', '2cd2e3f7-c99a-5295-ae70-742e586817fc', 1796119892574, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (158, 'Operation', '725ea03f-b7ef-5a09-8f39-0868ef01d552', 1796119892574, 'InProgress/PreparingProject', 'InProgress/Writing', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (140, 'Operation', '6546d85a-f19b-5e44-8409-57422840dea0', 1796119891647, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (142, 'Deployment', '030b9aa4-034f-4f4c-9813-5672e94bbec8', 1796119891696, 'Live/Dispatching', 'Live/Settled', 'OperationObserved', 2);
INSERT INTO public.transition VALUES (148, 'Operation', '401da8bc-47b0-52f8-9098-c68896a2d65f', 1796119891954, 'Finished/Completed', 'Collected', 'SignalAbsent', 0);
INSERT INTO public.transition VALUES (152, 'Tenant', 'ef153feb-815c-4fd5-b967-d2408dfbbb1f', 1796119892152, 'Unknown', 'Present/Active', 'Needed', 0);
INSERT INTO public.transition VALUES (153, 'Deployment', '3003d911-47c2-407f-8824-7b5095d35d42', 1796119892152, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (154, 'Deployment', 'c2aaa9b2-4f8f-4d2c-b9c4-91bc8ba0cfd1', 1796119892152, 'Unseen', 'Live/Dispatching', 'Observed', 1);
INSERT INTO public.transition VALUES (191, 'Operation', '725ea03f-b7ef-5a09-8f39-0868ef01d552', 1796119892627, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);
INSERT INTO public.transition VALUES (192, 'Operation', '2cd2e3f7-c99a-5295-ae70-742e586817fc', 1796119892627, 'InProgress/Writing', 'Finished/Completed', 'ArgoObserved', 0);


--
-- Name: apicrtodatabasemapping_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.apicrtodatabasemapping_seq_id_seq', 1, false);


--
-- Name: application_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.application_seq_id_seq', 56, true);


--
-- Name: applicationowner_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.applicationowner_seq_id_seq', 56, true);


--
-- Name: appprojectmanagedenvironment_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.appprojectmanagedenvironment_seq_id_seq', 1, false);


--
-- Name: appprojectrepository_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.appprojectrepository_seq_id_seq', 7, true);


--
-- Name: clusteraccess_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.clusteraccess_seq_id_seq', 2, true);


--
-- Name: clustercredentials_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.clustercredentials_seq_id_seq', 3, true);


--
-- Name: clusteruser_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.clusteruser_seq_id_seq', 2, true);


--
-- Name: deploymenttoapplicationmapping_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.deploymenttoapplicationmapping_seq_id_seq', 56, true);


--
-- Name: gitopsenginecluster_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.gitopsenginecluster_seq_id_seq', 1, true);


--
-- Name: gitopsengineinstance_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.gitopsengineinstance_seq_id_seq', 1, true);


--
-- Name: kubernetestodbresourcemapping_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.kubernetestodbresourcemapping_seq_id_seq', 4, true);


--
-- Name: managedenvironment_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.managedenvironment_seq_id_seq', 2, true);


--
-- Name: operation_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.operation_seq_id_seq', 59, true);


--
-- Name: repositorycredentials_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.repositorycredentials_seq_id_seq', 1, false);


--
-- Name: syncoperation_seq_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.syncoperation_seq_id_seq', 1, false);


--
-- Name: transition_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.transition_id_seq', 192, true);


--
-- Name: apicrtodatabasemapping apicrtodatabasemapping_api_resource_type_api_resource_uid_d_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apicrtodatabasemapping
    ADD CONSTRAINT apicrtodatabasemapping_api_resource_type_api_resource_uid_d_key UNIQUE (api_resource_type, api_resource_uid, db_relation_type);


--
-- Name: apicrtodatabasemapping apicrtodatabasemapping_db_relation_type_db_relation_key_api_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apicrtodatabasemapping
    ADD CONSTRAINT apicrtodatabasemapping_db_relation_type_db_relation_key_api_key UNIQUE (db_relation_type, db_relation_key, api_resource_type);


--
-- Name: apicrtodatabasemapping apicrtodatabasemapping_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apicrtodatabasemapping
    ADD CONSTRAINT apicrtodatabasemapping_pkey PRIMARY KEY (api_resource_type, api_resource_uid, db_relation_type, db_relation_key);


--
-- Name: application application_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.application
    ADD CONSTRAINT application_pkey PRIMARY KEY (application_id);


--
-- Name: applicationowner applicationowner_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.applicationowner
    ADD CONSTRAINT applicationowner_pkey PRIMARY KEY (application_owner_application_id, application_owner_user_id);


--
-- Name: applicationstate applicationstate_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.applicationstate
    ADD CONSTRAINT applicationstate_pkey PRIMARY KEY (applicationstate_application_id);


--
-- Name: appprojectmanagedenvironment appprojectmanagedenvironment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectmanagedenvironment
    ADD CONSTRAINT appprojectmanagedenvironment_pkey PRIMARY KEY (appproject_managedenv_id);


--
-- Name: appprojectrepository appprojectrepository_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectrepository
    ADD CONSTRAINT appprojectrepository_pkey PRIMARY KEY (appproject_repository_id);


--
-- Name: appprojectrepository appprojectrepository_url_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectrepository
    ADD CONSTRAINT appprojectrepository_url_key UNIQUE (clusteruser_id, repo_url, repo_url_as_written);


--
-- Name: clusteraccess clusteraccess_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteraccess
    ADD CONSTRAINT clusteraccess_pkey PRIMARY KEY (clusteraccess_user_id, clusteraccess_managed_environment_id, clusteraccess_gitops_engine_instance_id);


--
-- Name: clustercredentials clustercredentials_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clustercredentials
    ADD CONSTRAINT clustercredentials_pkey PRIMARY KEY (clustercredentials_cred_id);


--
-- Name: clusteruser clusteruser_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteruser
    ADD CONSTRAINT clusteruser_pkey PRIMARY KEY (clusteruser_id);


--
-- Name: clusteruser clusteruser_user_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteruser
    ADD CONSTRAINT clusteruser_user_name_key UNIQUE (user_name);


--
-- Name: deploymenttoapplicationmapping deploymenttoapplicationmapping_application_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deploymenttoapplicationmapping
    ADD CONSTRAINT deploymenttoapplicationmapping_application_id_key UNIQUE (application_id);


--
-- Name: deploymenttoapplicationmapping deploymenttoapplicationmapping_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deploymenttoapplicationmapping
    ADD CONSTRAINT deploymenttoapplicationmapping_pkey PRIMARY KEY (deploymenttoapplicationmapping_uid_id);


--
-- Name: fence fence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.fence
    ADD CONSTRAINT fence_pkey PRIMARY KEY (role);


--
-- Name: gitopsenginecluster gitopsenginecluster_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsenginecluster
    ADD CONSTRAINT gitopsenginecluster_pkey PRIMARY KEY (gitopsenginecluster_id);


--
-- Name: gitopsengineinstance gitopsengineinstance_namespace_name_namespace_uid_engineclu_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsengineinstance
    ADD CONSTRAINT gitopsengineinstance_namespace_name_namespace_uid_engineclu_key UNIQUE (namespace_name, namespace_uid, enginecluster_id);


--
-- Name: gitopsengineinstance gitopsengineinstance_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsengineinstance
    ADD CONSTRAINT gitopsengineinstance_pkey PRIMARY KEY (gitopsengineinstance_id);


--
-- Name: kubernetestodbresourcemapping kubernetestodbresourcemapping_db_relation_type_db_relation__key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kubernetestodbresourcemapping
    ADD CONSTRAINT kubernetestodbresourcemapping_db_relation_type_db_relation__key UNIQUE (db_relation_type, db_relation_key, kubernetes_resource_type);


--
-- Name: kubernetestodbresourcemapping kubernetestodbresourcemapping_kubernetes_resource_type_kube_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kubernetestodbresourcemapping
    ADD CONSTRAINT kubernetestodbresourcemapping_kubernetes_resource_type_kube_key UNIQUE (kubernetes_resource_type, kubernetes_resource_uid, db_relation_type);


--
-- Name: kubernetestodbresourcemapping kubernetestodbresourcemapping_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.kubernetestodbresourcemapping
    ADD CONSTRAINT kubernetestodbresourcemapping_pkey PRIMARY KEY (kubernetes_resource_type, kubernetes_resource_uid, db_relation_type, db_relation_key);


--
-- Name: machine machine_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.machine
    ADD CONSTRAINT machine_pkey PRIMARY KEY (kind, key);


--
-- Name: managedenvironment managedenvironment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.managedenvironment
    ADD CONSTRAINT managedenvironment_pkey PRIMARY KEY (managedenvironment_id);


--
-- Name: operation operation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (operation_id);


--
-- Name: repositorycredentials repositorycredentials_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.repositorycredentials
    ADD CONSTRAINT repositorycredentials_pkey PRIMARY KEY (repositorycredentials_id);


--
-- Name: seaql_migrations seaql_migrations_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.seaql_migrations
    ADD CONSTRAINT seaql_migrations_pkey PRIMARY KEY (version);


--
-- Name: syncoperation syncoperation_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.syncoperation
    ADD CONSTRAINT syncoperation_pkey PRIMARY KEY (syncoperation_id);


--
-- Name: transition transition_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transition
    ADD CONSTRAINT transition_pkey PRIMARY KEY (id);


--
-- Name: apicrtodatabasemapping_name_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX apicrtodatabasemapping_name_idx ON public.apicrtodatabasemapping USING btree (api_resource_namespace_uid, api_resource_type, api_resource_name);


--
-- Name: application_environment_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX application_environment_idx ON public.application USING btree (managed_environment_id);


--
-- Name: applicationowner_user_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX applicationowner_user_idx ON public.applicationowner USING btree (application_owner_user_id);


--
-- Name: applicationstate_unread_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX applicationstate_unread_idx ON public.applicationstate USING btree (applicationstate_application_id) WHERE unread;


--
-- Name: appprojectmanagedenvironment_user_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX appprojectmanagedenvironment_user_idx ON public.appprojectmanagedenvironment USING btree (clusteruser_id);


--
-- Name: clusteraccess_environment_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clusteraccess_environment_idx ON public.clusteraccess USING btree (clusteraccess_managed_environment_id);


--
-- Name: clusteraccess_instance_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX clusteraccess_instance_idx ON public.clusteraccess USING btree (clusteraccess_user_id, clusteraccess_gitops_engine_instance_id);


--
-- Name: deploymenttoapplicationmapping_name_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX deploymenttoapplicationmapping_name_idx ON public.deploymenttoapplicationmapping USING btree (name, namespace, namespace_uid);


--
-- Name: deploymenttoapplicationmapping_namespace_uid_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX deploymenttoapplicationmapping_namespace_uid_idx ON public.deploymenttoapplicationmapping USING btree (namespace_uid);


--
-- Name: deploymenttoapplicationmapping_repo_url_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX deploymenttoapplicationmapping_repo_url_idx ON public.deploymenttoapplicationmapping USING btree (namespace_uid, repo_url);


--
-- Name: gitopsenginecluster_credentials_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX gitopsenginecluster_credentials_idx ON public.gitopsenginecluster USING btree (clustercredentials_id);


--
-- Name: machine_owes_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX machine_owes_idx ON public.machine USING btree (kind, key) WHERE owes;


--
-- Name: machine_tenant_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX machine_tenant_idx ON public.machine USING btree (tenant_uid, kind, name);


--
-- Name: machine_wake_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX machine_wake_at_idx ON public.machine USING btree (wake_at) WHERE (wake_at IS NOT NULL);


--
-- Name: operation_open_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX operation_open_key ON public.operation USING btree (instance_id, resource_id, resource_type) WHERE ((state)::text = ANY ((ARRAY['Waiting'::character varying, 'In_Progress'::character varying])::text[]));


--
-- Name: operation_owner_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX operation_owner_idx ON public.operation USING btree (operation_owner_user_id);


--
-- Name: operation_resource_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX operation_resource_idx ON public.operation USING btree (resource_id, resource_type, operation_owner_user_id);


--
-- Name: transition_at_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX transition_at_idx ON public.transition USING btree (at);


--
-- Name: transition_machine_idx; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX transition_machine_idx ON public.transition USING btree (kind, key, id);


--
-- Name: application application_engine_instance_inst_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.application
    ADD CONSTRAINT application_engine_instance_inst_id_fkey FOREIGN KEY (engine_instance_inst_id) REFERENCES public.gitopsengineinstance(gitopsengineinstance_id);


--
-- Name: application application_managed_environment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.application
    ADD CONSTRAINT application_managed_environment_id_fkey FOREIGN KEY (managed_environment_id) REFERENCES public.managedenvironment(managedenvironment_id);


--
-- Name: applicationowner applicationowner_application_owner_application_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.applicationowner
    ADD CONSTRAINT applicationowner_application_owner_application_id_fkey FOREIGN KEY (application_owner_application_id) REFERENCES public.application(application_id);


--
-- Name: applicationowner applicationowner_application_owner_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.applicationowner
    ADD CONSTRAINT applicationowner_application_owner_user_id_fkey FOREIGN KEY (application_owner_user_id) REFERENCES public.clusteruser(clusteruser_id);


--
-- Name: applicationstate applicationstate_applicationstate_application_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.applicationstate
    ADD CONSTRAINT applicationstate_applicationstate_application_id_fkey FOREIGN KEY (applicationstate_application_id) REFERENCES public.application(application_id);


--
-- Name: appprojectmanagedenvironment appprojectmanagedenvironment_clusteruser_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectmanagedenvironment
    ADD CONSTRAINT appprojectmanagedenvironment_clusteruser_id_fkey FOREIGN KEY (clusteruser_id) REFERENCES public.clusteruser(clusteruser_id);


--
-- Name: appprojectmanagedenvironment appprojectmanagedenvironment_managed_environment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectmanagedenvironment
    ADD CONSTRAINT appprojectmanagedenvironment_managed_environment_id_fkey FOREIGN KEY (managed_environment_id) REFERENCES public.managedenvironment(managedenvironment_id);


--
-- Name: appprojectrepository appprojectrepository_clusteruser_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.appprojectrepository
    ADD CONSTRAINT appprojectrepository_clusteruser_id_fkey FOREIGN KEY (clusteruser_id) REFERENCES public.clusteruser(clusteruser_id);


--
-- Name: clusteraccess clusteraccess_clusteraccess_gitops_engine_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteraccess
    ADD CONSTRAINT clusteraccess_clusteraccess_gitops_engine_instance_id_fkey FOREIGN KEY (clusteraccess_gitops_engine_instance_id) REFERENCES public.gitopsengineinstance(gitopsengineinstance_id);


--
-- Name: clusteraccess clusteraccess_clusteraccess_managed_environment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteraccess
    ADD CONSTRAINT clusteraccess_clusteraccess_managed_environment_id_fkey FOREIGN KEY (clusteraccess_managed_environment_id) REFERENCES public.managedenvironment(managedenvironment_id);


--
-- Name: clusteraccess clusteraccess_clusteraccess_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.clusteraccess
    ADD CONSTRAINT clusteraccess_clusteraccess_user_id_fkey FOREIGN KEY (clusteraccess_user_id) REFERENCES public.clusteruser(clusteruser_id);


--
-- Name: deploymenttoapplicationmapping deploymenttoapplicationmapping_application_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deploymenttoapplicationmapping
    ADD CONSTRAINT deploymenttoapplicationmapping_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.application(application_id);


--
-- Name: gitopsenginecluster gitopsenginecluster_clustercredentials_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsenginecluster
    ADD CONSTRAINT gitopsenginecluster_clustercredentials_id_fkey FOREIGN KEY (clustercredentials_id) REFERENCES public.clustercredentials(clustercredentials_cred_id);


--
-- Name: gitopsengineinstance gitopsengineinstance_enginecluster_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.gitopsengineinstance
    ADD CONSTRAINT gitopsengineinstance_enginecluster_id_fkey FOREIGN KEY (enginecluster_id) REFERENCES public.gitopsenginecluster(gitopsenginecluster_id);


--
-- Name: managedenvironment managedenvironment_clustercredentials_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.managedenvironment
    ADD CONSTRAINT managedenvironment_clustercredentials_id_fkey FOREIGN KEY (clustercredentials_id) REFERENCES public.clustercredentials(clustercredentials_cred_id);


--
-- Name: operation operation_instance_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operation
    ADD CONSTRAINT operation_instance_id_fkey FOREIGN KEY (instance_id) REFERENCES public.gitopsengineinstance(gitopsengineinstance_id);


--
-- Name: operation operation_operation_owner_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.operation
    ADD CONSTRAINT operation_operation_owner_user_id_fkey FOREIGN KEY (operation_owner_user_id) REFERENCES public.clusteruser(clusteruser_id);


--
-- Name: repositorycredentials repositorycredentials_repo_cred_engine_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.repositorycredentials
    ADD CONSTRAINT repositorycredentials_repo_cred_engine_id_fkey FOREIGN KEY (repo_cred_engine_id) REFERENCES public.gitopsengineinstance(gitopsengineinstance_id);


--
-- Name: repositorycredentials repositorycredentials_repo_cred_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.repositorycredentials
    ADD CONSTRAINT repositorycredentials_repo_cred_user_id_fkey FOREIGN KEY (repo_cred_user_id) REFERENCES public.clusteruser(clusteruser_id);


--
-- Name: syncoperation syncoperation_application_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.syncoperation
    ADD CONSTRAINT syncoperation_application_id_fkey FOREIGN KEY (application_id) REFERENCES public.application(application_id);


--
-- PostgreSQL database dump complete
--


