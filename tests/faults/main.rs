//! The service after kills, full disks, lost servers and hostile input: nothing lost, nothing twice.
//!
//! Each fault, and the tests that cause it, wherever they stand; `tests/code/faults.rs` sees to it that there are such tests.
//!
//! the log fills up, also to the brim over NATS:
//! - `a_full_log_refuses_producers_says_so_and_still_revokes_a_token`
//! - `a_log_bounded_in_messages_is_told_of_too_and_still_takes_commands_when_others_have_filled_it`
//! - `with_a_log_filled_to_the_brim_over_nats_a_fresh_directory_lets_its_own_admin_in`
//! - `the_log_is_told_of_at_80_and_95_percent_and_at_three_days`
//! - `a_disk_that_is_smaller_than_the_bound_decides_and_a_burst_is_no_trend`
//!
//! the same on a server that drops the oldest:
//! - `producers_that_fill_the_log_over_nats_lose_no_acknowledged_message_on_any_server`
//! - `ticks_stop_before_the_server_drops_acknowledged_messages`
//! - `a_log_that_drops_its_oldest_messages_ends_it_with_5_until_somebody_decides`
//!
//! the data disk is full:
//! - `a_disk_that_somebody_fills_stops_reading_and_space_brings_it_back`
//! - `a_disk_filled_by_the_store_itself_stops_reading_and_a_larger_one_brings_it_back`
//! - `a_process_that_waits_for_space_stops_within_its_grace_and_loses_nothing`
//! - `a_managed_server_brings_its_log_back_on_a_disk_that_others_have_filled`
//!
//! something hangs or panics:
//! - `a_processor_that_hangs_shows_the_age_of_its_batch_and_ends_the_process_to_be_started_again`
//! - `whatever_hangs_when_it_stops_the_process_ends_with_its_grace_period`
//! - `a_panic_is_counted_and_is_a_finding_that_a_restart_ends`
//!
//! ids are minted after a restart, by a clock set back:
//! - `ids_do_not_repeat_over_restarts_and_clocks`
//!
//! answers are asked for in each encoding:
//! - `every_route_answers_in_every_encoding_to_its_last_byte`
//! - `a_compressed_export_is_the_export`
//!
//! NATS wants to know who we are:
//! - `a_user_and_password_in_the_address_are_sent_and_a_wrong_one_is_refused`
//! - `a_token_is_taken_from_the_address_or_apart`
//! - `an_nkey_signs_what_the_server_asks`
//! - `a_credentials_file_of_an_operator_is_used`
//! - `tls_is_spoken_to_a_server_whose_authority_is_known_and_to_no_other`
//! - `a_user_with_what_is_needed_gets_ready_and_the_password_is_never_shown`
//!
//! wrong tokens beside right ones:
//! - `too_many_wrong_tokens_make_a_peer_wait_and_lock_nobody_else_out`
//! - `behind_a_trusted_proxy_each_client_is_braked_for_itself`
//!
//! the store is damaged anywhere, or a row of it lost:
//! - `damage_anywhere_is_put_aside_or_steps_back_to_a_whole_commit`
//! - `a_damaged_state_is_put_aside_or_leads_to_the_same_digest`
//! - `damage_found_while_it_runs_is_put_aside_and_rebuilt_without_a_restart`
//! - `a_row_lost_after_the_first_check_is_found_by_the_next_one_and_the_store_rebuilt_by_itself`
//!
//! power is cut, processes are killed:
//! - `a_power_cut_at_any_moment_leads_to_the_same_digest`
//! - `every_record_counts_once_whatever_is_killed`
//!
//! the log is restored from an older copy:
//! - `a_log_restored_from_an_older_copy_that_grew_again_with_the_same_messages_is_another_log`
//! - `a_log_that_lost_its_tail_ends_it_with_5_and_a_rebuild_replays_what_is_left`
//!
//! a crowd of silent connections:
//! - `idle_connections_of_one_address_keep_nobody_waiting`
//! - `a_connection_that_says_nothing_is_closed_within_seconds`
//!
//! garbage frames:
//! - `garbage_takes_little_more_room_than_it_came_in_and_a_real_fact_does_not_wait_behind_it`
//!
//! nobody takes what leaves:
//! - `jobs_that_nobody_takes_delay_no_fact_whatever_is_killed_and_are_ordered_once_there_is_room`
//! - `facts_that_nobody_takes_delay_no_job_whatever_is_killed_and_are_told_once_there_is_room`
//!
//! a rebuild:
//! - `a_rebuild_keeps_the_last_two_old_stores_and_says_what_will_be_missing`
//! - `a_rebuild_on_a_terminal_asks_first_and_does_nothing_unless_the_answer_is_yes`
//! - `a_rebuild_of_a_directory_without_a_store_is_refused_and_makes_nothing`
//!
//! not ready for each of its reasons:
//! - `a_server_that_stands_still_makes_the_process_unready_but_not_dead`
//! - `a_log_that_was_deleted_makes_the_process_unready`
//! - `a_log_that_is_full_makes_the_process_unready`
//! - `a_right_that_is_taken_away_makes_the_process_unready_and_given_back_ready_again`
//! - `facts_that_cannot_be_published_make_the_process_unready`
//! - `a_processor_that_stands_still_makes_the_process_unready`
//!
//! all names are used up:
//! - `a_flood_of_model_names_is_bounded_and_known_models_go_on`
//! - `what_is_to_be_forgotten_is_named_first_and_is_gone_then_and_its_name_begins_anew`
//! - `who_brings_a_name_for_which_there_is_no_room_is_told_whether_they_wait_or_not`
//! - `a_name_that_finds_no_room_is_told_to_whoever_publishes_it_over_nats`
//!
//! streams are deleted, or lost their beginning:
//! - `a_facts_stream_that_was_deleted_is_made_again_said_and_counted`
//! - `an_input_stream_that_is_gone_is_not_made_again_behind_the_back_of_the_store`
//! - `a_log_without_its_beginning_and_without_a_store_is_refused_with_the_numbers`
//!
//! others look into the directory or the memory:
//! - `a_data_directory_is_its_owners_alone_and_an_older_one_is_tightened`
//! - `a_core_dump_is_not_written`
//! - `a_given_admin_token_is_not_inherited_and_not_left_in_memory`
//!
//! an id of a message is used again:
//! - `an_id_that_was_used_for_another_message_is_a_conflict`
//! - `an_id_that_was_used_for_another_message_fails_and_a_repeat_is_told`
//!
//! events of the future:
//! - `a_record_of_a_version_that_is_not_known_is_refused_in_every_kind_by_both`
//! - `what_release_0_1_has_published_is_read_as_it_meant_it`
//!
//! a small or frozen server:
//! - `a_small_server_holds_all_streams_and_the_log_gets_the_most`
//! - `a_managed_server_that_stands_still_is_replaced`
//!
//! refusals of every layer:
//! - `a_refusal_is_a_problem_document_that_says_how_to_come_in`
//! - `errors_of_every_layer_have_the_one_shape`
//! - `the_date_is_that_of_the_log_and_goes_on_by_itself`
//!
//! What schemathesis finds by the document of the API, `ops/test api` tries.

#[path = "../support/audit.rs"]
mod audit;
mod exactly_once;
mod hostile;
#[path = "../support/house.rs"]
mod house;
mod lanes;
#[path = "../support/nats_server.rs"]
mod nats_server;
mod processes;
#[path = "../support/publisher.rs"]
mod publisher;
#[path = "../support/recorded.rs"]
mod recorded;
mod release;
mod replay;
mod rolled_up;
#[path = "../support/workload.rs"]
mod workload;
