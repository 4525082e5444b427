-- A response as what is new in it. The blocks of its message hang on the request's last message as the next request will
-- send them back (response_tip), so that one row holds both. What is left is a shape, shared by the responses of one
-- model and sort, and in the row itself what differs: of each delta how much text it carried, ids, token counts,
-- the chunks' lengths and times (response_packed). A body that this does not give back stays whole in response_body,
-- its cuts in response_packed. Rows of before have response_body and response_cuts and no response_packed.
alter table exchange
  add column response_shape bytea,
  add column response_tip bytea,
  add column response_packed bytea,
  -- Values of the headers that differ from response to response; response_headers has null in their places.
  add column response_header_values bytea,
  add foreign key (tenant, response_shape) references block (tenant, hash),
  add foreign key (tenant, response_tip) references node (tenant, key);

alter table exchange alter column response_packed set storage external;
alter table exchange alter column response_header_values set storage external;

-- For whoever deletes content: nearly unique, and few different ones.
create index exchange_response_tip on exchange using hash (response_tip);
create index exchange_response_shape on exchange (tenant, response_shape) where response_shape is not null;
