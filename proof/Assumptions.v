(* What the theorems stand on, beyond the rules of Coq. A tuple stands on what any of its
   members stands on. *)
From LSTM Require Import Gates Sequence Entries Losses Refutations.
From LSTM Require RNN Output GRU Peepholes.

Definition gates := (equation_7, equation_8, equation_9, equation_10, equation_16).
Definition lstm := (sequence, entry_W, entry_b, entry_x, entry_a0, entry_c0, one_gradient).
Definition losses := (any_loss, any_loss_entries, squared_error_gradient, stops_early, cut_forward, cut_backward).
Definition mistakes := (printed_8_refuted, printed_10_refuted, read_as_10_refuted, new_memory_10_refuted,
  overwriting_refuted, carrying_nothing_refuted, carrying_a_only_refuted, carrying_c_only_refuted,
  carrying_both, overwriting_leaves_zeros).
Definition networks := (RNN.rnn_sequence, GRU.gru_sequence, GRU.gru_usual, Peepholes.peepholes_sequence).

Definition output := (Output.equation_22, Output.output, Output.cross_entropy_gradient, Output.network).

(* this one needs the value of tanh at 1 *)
Definition mistake_9 := printed_9_refuted.

Print Assumptions gates.
Print Assumptions lstm.
Print Assumptions losses.
Print Assumptions mistakes.
Print Assumptions networks.
Print Assumptions output.
Print Assumptions mistake_9.
