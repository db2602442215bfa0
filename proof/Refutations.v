(* What is not the gradient: a derivative is unique, so one point where another formula
   gives another number refutes it. Every point here has one input, one unit, one example. *)
From LSTM Require Import Lemmas Equations Cell Sequence Entries.

(* one unit: w leads from the state to the candidate, v is the candidate's bias,
   c0 the first memory; all else is 0 *)
Definition point (w v c0 : R) : arguments := {|
  weights := fun k _ q => match k, q with gc, 0%nat => w | _, _ => 0 end;
  biases := fun k _ => match k with gc => v | _ => 0 end;
  inputs := fun _ => zero; first_a := zero; first_c := fun _ _ => c0 |}.

Definition all (v : R) : nat -> matrix := fun _ _ _ => v.
Definition second_step (v : R) : nat -> matrix :=
  fun t _ _ => if t =? 1 then v else 0.

(* Some d is not the derivative with respect to a bias: not at every point. *)
Definition refuted (T : nat) (k : gate)
    (d : nat -> nat -> nat -> (nat -> matrix) ->
         (nat -> matrix) -> arguments -> nat -> R) : Prop :=
  exists n_x n_a m da dc p r, (r < n_a)%nat /\
  ~ D (fun v => loss n_x n_a m T da dc (with_b k r v p))
      (biases p k r) (d n_x n_a m da dc p r).

Lemma refute T k d da dc p :
  biases (gradient 1 1 1 T da dc p) k 0%nat <> d 1%nat 1%nat 1%nat da dc p 0%nat -> refuted T k d.
Proof.
  intros H. exists 1%nat, 1%nat, 1%nat, da, dc, p, 0%nat. split; [lia|]. intros Hd. apply H.
  eapply D_unique; [|exact Hd]. apply (entry_b 1 1 1 T da dc p k 0). lia.
Qed.

(* at these points nearly everything is 0 and the gates are open by one half *)
Ltac evaluate :=
  cbv -[Rplus Rmult Rminus Ropp Rinv IZR sigmoid tanh not];
  repeat match goal with
  | |- context [sigmoid ?z] => replace z with 0 by field; rewrite sigmoid_0
  | |- context [tanh ?z] => replace z with 0 by field; rewrite tanh_0
  | |- context [tanh ?z] => lazymatch z with 1 => fail | _ => replace z with 1 by field end
  end.

(* One step, with (8), (9) and (10) as the early editions of the course print them *)
Section Printed.
Variable cct_prev : R.
Variables n_x n_a : nat.
Variable W : gate -> matrix.
Variable b : gate -> nat -> R.
Variables xt a_prev c_prev da dc : matrix.
Local Notation Γf := (Γf n_x n_a W b xt a_prev). Local Notation Γi := (Γi n_x n_a W b xt a_prev).
Local Notation cct := (cct n_x n_a W b xt a_prev).
Local Notation c_next := (c_next n_x n_a W b xt a_prev c_prev).
Local Notation s := (s n_x n_a W b xt a_prev c_prev da).

Definition printed_8 r j :=
  dc r j * Γi r j + s r j * Γi r j * cct r j * (1 - (tanh (cct r j))²).
Definition printed_9 r j :=
  dc r j * cct r j + s r j * cct r j * Γi r j * (1 - Γi r j).
Definition printed_10 r j :=
  dc r j * cct_prev + s r j * c_prev r j * Γf r j * (1 - Γf r j).
Definition read_as_10 r j :=
  dc r j * c_prev r j + s r j * c_prev r j * Γf r j * (1 - Γf r j).
Definition new_memory_10 r j :=
  (dc r j + s r j) * c_next r j * Γf r j * (1 - Γf r j).
End Printed.

(* the bias gradient of one step, (11b) to (14b), with dz for one of (7) to (10) *)
Definition bias_gradient (dz : nat -> nat -> (gate -> matrix) -> (gate -> nat -> R) ->
    matrix -> matrix -> matrix -> matrix -> matrix -> matrix) n_x n_a m (da dc : nat -> matrix) p r :=
  sum m (fun j => dz n_x n_a (weights p) (biases p) (inputs p 0%nat) (first_a p) (first_c p) (da 0%nat) (dc 0%nat) r j).

Theorem printed_8_refuted : refuted 1 gc (bias_gradient printed_8).
Proof.
  apply (refute _ _ _ (all 1) (all 0) (point 0 0 0)). evaluate. lra.
Qed.

Theorem printed_9_refuted : refuted 1 gi (bias_gradient printed_9).
Proof.
  apply (refute _ _ _ (all 0) (all 1) (point 0 1 0)). evaluate.
  pose proof tanh_1. lra.
Qed.

(* whatever number the old candidate is ... *)
Theorem printed_10_refuted cct_prev : refuted 1 gf (bias_gradient (printed_10 cct_prev)).
Proof.
  apply (refute _ _ _ (all 0) (all 1) (point 0 0 (4 * cct_prev + 4))). evaluate. lra.
Qed.

(* ... and also if the old memory is meant *)
Theorem read_as_10_refuted : refuted 1 gf (bias_gradient read_as_10).
Proof. apply (refute _ _ _ (all 0) (all 1) (point 0 0 1)). evaluate. lra. Qed.

(* the new memory where (10) has the old one *)
Theorem new_memory_10_refuted : refuted 1 gf (bias_gradient new_memory_10).
Proof. apply (refute _ _ _ (all 0) (all 1) (point 0 0 1)). evaluate. lra. Qed.

(* The sequence, with a mistake in what is added or carried *)
Section Mistakes.
Variables n_x n_a m T : nat.
Variables da dc : nat -> matrix.
Variable p : arguments.
Local Notation of_p f := (f n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p)) (only parsing).

(* dW = ... where dW += ... belongs: what remains is the first step, the last one visited *)
Definition overwritten_W k r q := of_p at_step da dc T (dW_step n_x n_a m (weights p) (biases p)) 0%nat k r q.
Definition overwritten_b k r := of_p at_step da dc T (db_step n_x n_a m (weights p) (biases p)) 0%nat k r.

(* da_prev is carried if with_a, dc_prev if with_c, and else zeros *)
Fixpoint carried_some (with_a with_c : bool) (n t : nat) : matrix * matrix :=
  match n with
  | 0%nat => (zero, zero)
  | S n => let g := carried_some with_a with_c n (S t) in
    (if with_a then da_prev n_x n_a (weights p) (biases p) (inputs p t) (hidden n_x n_a p t) (memory n_x n_a p t)
                      (da_total da t g) (dc_total dc t g) else zero,
     if with_c then dc_prev n_x n_a (weights p) (biases p) (inputs p t) (hidden n_x n_a p t) (memory n_x n_a p t)
                      (da_total da t g) (dc_total dc t g) else zero)
  end.
Definition carrying with_a with_c k r := sum T (fun t =>
  let g := carried_some with_a with_c (T - S t) (S t) in
  db_step n_x n_a m (weights p) (biases p) (inputs p t) (hidden n_x n_a p t) (memory n_x n_a p t)
    (da_total da t g) (dc_total dc t g) k r).
End Mistakes.

Ltac two_steps := apply (refute _ _ _ (all 0) (second_step 1) (point 1 0 0)); evaluate; lra.

Theorem overwriting_refuted :
  refuted 2 gc (fun n_x n_a m da dc p => overwritten_b n_x n_a m 2 da dc p gc).
Proof. two_steps. Qed.

Theorem carrying_nothing_refuted :
  refuted 2 gc (fun n_x n_a m da dc p => carrying n_x n_a m 2 da dc p false false gc).
Proof. two_steps. Qed.

Theorem carrying_a_only_refuted :
  refuted 2 gc (fun n_x n_a m da dc p => carrying n_x n_a m 2 da dc p true false gc).
Proof. two_steps. Qed.

Theorem carrying_c_only_refuted :
  refuted 2 gc (fun n_x n_a m da dc p => carrying n_x n_a m 2 da dc p false true gc).
Proof. two_steps. Qed.

(* with both carried it is the gradient again: the difference is in the carry alone *)
Theorem carrying_both n_x n_a m T da dc p k r :
  carrying n_x n_a m T da dc p true true k r = biases (gradient n_x n_a m T da dc p) k r.
Proof.
  assert (E : forall n t, carried_some n_x n_a da dc p true true n t
    = carried n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da dc n t).
  { induction n as [|n IH]; intros t; [reflexivity|]. cbn [carried_some carried]. now rewrite IH. }
  apply sum_ext. intros t _. now rewrite E.
Qed.

(* The mark that overwriting leaves: from c0 = 0, dWf and dbf are exactly zero. *)
Theorem overwriting_leaves_zeros n_x n_a m T da dc p :
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> first_c p r j = 0) ->
  forall r, (r < n_a)%nat ->
  (forall q, overwritten_W n_x n_a m T da dc p gf r q = 0) /\
  overwritten_b n_x n_a m T da dc p gf r = 0.
Proof.
  intros H r Hr. split; [intros q|]; apply sum_none; intros j Hj; unfold dΓf; simpl c; unfold c; simpl;
    rewrite H by assumption; ring.
Qed.
