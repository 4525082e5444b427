-- A history whose front was cut off shares no prefix with what was stored; the answer it ends with still says where it
-- goes on from. Eight bytes of a hash of the answer's texts and calls with its project, session and agent (so that
-- "Done." of one session is no other's), and null for an answer without either. Rows of before have none.
alter type link_signal add value 'last-answer' after 'compaction';
alter table answer add column answer_key bytea;
create index answer_key on answer using hash (answer_key);
