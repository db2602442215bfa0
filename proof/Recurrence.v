(* Networks with one state: a step that hands back what it should makes a sequence that does. *)
From LSTM Require Import Lemmas.

(* the state after t steps *)
Fixpoint run (step : nat -> matrix -> matrix) (a0 : matrix) (t : nat) : matrix :=
  match t with 0%nat => a0 | S t => step t (run step a0 t) end.

(* what arrives at step t, if step t + 1 has returned g: (18), (R9) *)
Definition total (da : nat -> matrix) t (g : matrix) : matrix := fun r j => da t r j + g r j.

(* what step t returns, if n steps are left, itself among them *)
Fixpoint carry (back : nat -> matrix -> matrix) (da : nat -> matrix) (n t : nat) : matrix :=
  match n with 0%nat => zero | S n => back t (total da t (carry back da n (S t))) end.

Section Recurrence.
Variables n_a m T : nat.
Variable step : R -> nat -> matrix -> matrix.     (* on a path *)
Variable a0 : R -> matrix.
Variable e : R.
Variable step' : nat -> matrix -> matrix -> matrix.  (* the tangent of a step, of its state and the state's tangent *)
Variable a0' : matrix.
Variable back : nat -> matrix -> matrix.
Variable rest : nat -> matrix -> R.                  (* what the step's own arguments bring *)

Fixpoint run' t : matrix :=
  match t with 0%nat => a0' | S t => step' t (run (step e) (a0 e) t) (run' t) end.

Hypothesis Ha : forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a0 y r j) e (a0' r j).
Hypothesis Hstep : forall t (a : R -> matrix) a', (t < T)%nat ->
  (forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a y r j) e (a' r j)) ->
  forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => step y t (a y) r j) e (step' t (a e) a' r j).
Hypothesis Hback : forall t A a',
  dot n_a m A (step' t (run (step e) (a0 e) t) a') = dot n_a m (back t A) a' + rest t A.

Lemma D_run t : (t <= T)%nat -> forall r j, (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => run (step y) (a0 y) t r j) e (run' t r j).
Proof.
  induction t as [|t IH]; intros Ht; [exact Ha|].
  intros r j Hr Hj. apply (Hstep t (fun y => run (step y) (a0 y) t)); auto; intros; apply IH; auto; lia.
Qed.

Theorem recurrence (da : nat -> matrix) :
  D (fun y => sum T (fun t => dot n_a m (da t) (run (step y) (a0 y) (S t)))) e
    (dot n_a m (carry back da T 0) a0'
     + sum T (fun t => rest t (total da t (carry back da (T - S t) (S t))))).
Proof.
  eapply D_is.
  - apply (D_sum T (fun y t => dot n_a m (da t) (run (step y) (a0 y) (S t)))). intros t Ht.
    apply D_dot. intros r j Hr Hj. apply D_run; auto.
  - apply (chain (dot n_a m) run' da (total da) back rest (carry back da)) with (t := 0%nat).
    + intros. apply dot_plus.
    + intros. apply dot_none. intros. simpl. unfold zero. ring.
    + reflexivity.
    + intros t A. apply Hback.
Qed.
End Recurrence.
