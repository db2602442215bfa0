(* Any loss; a loss that stops early; a sequence cut in two: page 05. *)
From LSTM Require Import Lemmas Equations Cell Sequence Entries.

Section Losses.
Variables n_x n_a m : nat.

(* da and dc are the gradient of L at the states A, C: along every path of
   states through them *)
Definition states_gradient T
    (L : (nat -> matrix) -> (nat -> matrix) -> R)
    (A C da dc : nat -> matrix) : Prop :=
  forall (A_at C_at : R -> nat -> matrix) (e : R)
    (A' C' : nat -> matrix),
  (forall t r j, (t < T)%nat -> (r < n_a)%nat -> (j < m)%nat ->
    A_at e t r j = A t r j /\ C_at e t r j = C t r j) ->
  (forall t r j, (t < T)%nat -> (r < n_a)%nat -> (j < m)%nat ->
    D (fun y => A_at y t r j) e (A' t r j) /\
    D (fun y => C_at y t r j) e (C' t r j)) ->
  D (fun y => L (A_at y) (C_at y)) e
    (sum T (fun t => dot n_a m (da t) (A' t) + dot n_a m (dc t) (C' t))).

Definition after_each_step (states : arguments -> nat -> matrix) p t := states p (S t).
Local Notation A := (after_each_step (hidden n_x n_a)).
Local Notation C := (after_each_step (memory n_x n_a)).

(* Any loss: what it sends to the states, (7) to (20) bring to everything else. *)
Theorem any_loss T L p da dc :
  states_gradient T L (A p) (C p) da dc ->
  is_gradient n_x n_a m T (fun p => L (A p) (C p)) p
    (gradient n_x n_a m T da dc p).
Proof.
  intros HL path e p' <- Hp. rewrite <- states_adjoint.
  apply (HL (fun y => A (path y)) (fun y => C (path y)) e
    (fun t => fst (states' n_x n_a (path e) p' (S t))) (fun t => snd (states' n_x n_a (path e) p' (S t)))).
  - auto.
  - intros. now apply (D_states n_x n_a m T path).
Qed.

Theorem any_loss_entries T L p da dc :
  states_gradient T L (A p) (C p) da dc ->
  each_entry n_x n_a m T (fun p => L (A p) (C p)) p (gradient n_x n_a m T da dc p).
Proof. intros H. now apply entries, any_loss. Qed.

(* An example: half the squared distance from wanted states Y sends A - Y. *)
Definition squared_error T (Y A C : nat -> matrix) : R :=
  sum T (fun t => dot n_a m (fun r j => / 2 * (A t r j - Y t r j)) (fun r j => A t r j - Y t r j)).

Theorem squared_error_gradient T Y A C :
  states_gradient T (squared_error T Y) A C (fun t r j => A t r j - Y t r j) (fun _ => zero).
Proof.
  intros A_at C_at e A' C' He HA. unfold squared_error, dot.
  apply (D_sum T (fun y t => sum n_a (fun r => sum m (fun j => / 2 * (A_at y t r j - Y t r j) * (A_at y t r j - Y t r j))))).
  intros t Ht.
  eapply D_is.
  - apply (D_sum n_a (fun y r => sum m (fun j => / 2 * (A_at y t r j - Y t r j) * (A_at y t r j - Y t r j)))
      e (fun r => sum m (fun j => (A t r j - Y t r j) * A' t r j))).
    intros r Hr.
    apply (D_sum m (fun y j => / 2 * (A_at y t r j - Y t r j) * (A_at y t r j - Y t r j))). intros j Hj.
    assert (Hd : D (fun y => A_at y t r j - Y t r j) e (A' t r j)).
    { eapply D_is; [apply (D_minus (fun y => A_at y t r j) (fun _ => Y t r j)); [apply HA; auto|apply D_const]|ring]. }
    eapply D_is.
    + apply (D_times (fun y => / 2 * (A_at y t r j - Y t r j)) (fun y => A_at y t r j - Y t r j)); [|exact Hd].
      apply (D_times (fun _ => / 2) (fun y => A_at y t r j - Y t r j)); [apply D_const|exact Hd].
    + cbv beta. rewrite (proj1 (He t r j Ht Hr Hj)). field.
  - pose proof (dot_none n_a m zero (C' t)) as H0. unfold dot, zero in H0. unfold zero.
    rewrite H0 by (intros; ring). ring.
Qed.

(* A loss that stops early: d has T' steps, the rest counts as zero. *)
Definition until (T' : nat) (d : nat -> matrix) t : matrix := if t <? T' then d t else zero.

Lemma until_before T' d t : (t < T')%nat -> until T' d t = d t.
Proof. intros H. unfold until. now rewrite (proj2 (Nat.ltb_lt t T') H). Qed.

Lemma until_after T' d t : (T' <= t)%nat -> until T' d t = zero.
Proof. intros H. unfold until. now rewrite (proj2 (Nat.ltb_ge t T') H). Qed.

Lemma gates_0 v : (forall k : gate, v k = 0) -> sum_gates v = 0.
Proof. intros H. unfold sum_gates. rewrite !H. ring. Qed.

(* nothing arrives, nothing is handed back *)
Lemma step_0 W b xt a_prev c_prev :
  da_prev n_x n_a W b xt a_prev c_prev zero zero = zero /\
  dc_prev n_x n_a W b xt a_prev c_prev zero zero = zero /\
  dxt n_x n_a W b xt a_prev c_prev zero zero = zero /\
  (forall k r q, dW_step n_x n_a m W b xt a_prev c_prev zero zero k r q = 0) /\
  (forall k r, db_step n_x n_a m W b xt a_prev c_prev zero zero k r = 0).
Proof.
  assert (H : forall k r j, dz n_x n_a W b xt a_prev c_prev zero zero k r j = 0).
  { intros k r j. destruct k; unfold dz, dΓf, dΓi, dcct, dΓo, s, zero; ring. }
  repeat split; [..|intros k r q|intros k r];
    try (apply functional_extensionality; intros r; apply functional_extensionality; intros j).
  - apply gates_0. intros k. apply sum_none. intros i _. rewrite H. ring.
  - unfold dc_prev, s, zero. ring.
  - apply gates_0. intros k. apply sum_none. intros i _. rewrite H. ring.
  - transitivity (sum m (fun j => dz n_x n_a W b xt a_prev c_prev zero zero k r j * stack n_a xt a_prev q j)).
    + destruct k; apply sum_ext; intros j _; unfold dz; ring.
    + apply sum_none. intros j _. rewrite H. ring.
  - transitivity (sum m (fun j => dz n_x n_a W b xt a_prev c_prev zero zero k r j)).
    + destruct k; apply sum_ext; intros j _; unfold dz; ring.
    + apply sum_none. intros j _. apply H.
Qed.

Lemma plus_0 : (fun r j => zero r j + zero r j) = zero.
Proof. repeat (apply functional_extensionality; intro). unfold zero. ring. Qed.

Section Early.
Variables T_a T_c T : nat.
Variables da dc : nat -> matrix.
Variable p : arguments.
Local Notation T' := (Nat.max T_a T_c).
Local Notation da' := (until T_a da).
Local Notation dc' := (until T_c dc).
Local Notation carried := (carried n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da' dc').

Lemma carried_after n t : (T' <= t)%nat -> carried n t = (zero, zero).
Proof.
  revert t. induction n as [|n IH]; intros t Ht; [reflexivity|].
  simpl. rewrite IH by lia. unfold da_total, dc_total. simpl. rewrite !until_after, !plus_0 by lia.
  now destruct (step_0 (weights p) (biases p) (inputs p t)
    (a n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) t)
    (c n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) t)) as (-> & -> & _).
Qed.

Lemma carried_early n e t : (T' <= t + n)%nat -> carried (n + e) t = carried n t.
Proof.
  revert t. induction n as [|n IH]; intros t Ht; [apply carried_after; lia|].
  simpl. now rewrite IH by lia.
Qed.

Hypothesis HT : (T' <= T)%nat.
Local Notation all_steps := (gradient n_x n_a m T da' dc' p).
Local Notation their_steps := (gradient n_x n_a m T' da' dc' p).

Lemma early t : (t < T')%nat -> carried (T - S t) (S t) = carried (T' - S t) (S t).
Proof.
  intros Ht. replace (T - S t)%nat with (T' - S t + (T - T'))%nat by lia. apply carried_early. lia.
Qed.

Lemma late t : (T' <= t)%nat ->
  da_total da' t (carried (T - S t) (S t)) = zero /\ dc_total dc' t (carried (T - S t) (S t)) = zero.
Proof.
  intros Ht. rewrite carried_after by lia. unfold da_total, dc_total. rewrite !until_after by lia.
  simpl. rewrite plus_0. auto.
Qed.

Lemma sum_early f g :
  (forall t, (t < T')%nat -> f t = g t) -> (forall t, (T' <= t)%nat -> f t = 0) -> sum T f = sum T' g.
Proof.
  intros H1 H2. replace T with (T' + (T - T'))%nat by lia. rewrite sum_cut.
  rewrite (sum_none (T - T')) by (intros; apply H2; lia). rewrite Rplus_0_r. now apply sum_ext.
Qed.

(* the steps of da and dc suffice, and dx is zero after them *)
Theorem stops_early :
  (forall k r q, weights all_steps k r q = weights their_steps k r q) /\
  (forall k r, biases all_steps k r = biases their_steps k r) /\
  (forall t q j, (t < T')%nat ->
    inputs all_steps t q j = inputs their_steps t q j) /\
  (forall t q j, (T' <= t)%nat -> inputs all_steps t q j = 0) /\
  (forall r j, first_a all_steps r j = first_a their_steps r j) /\
  (forall r j, first_c all_steps r j = first_c their_steps r j).
Proof.
  assert (E0 : carried T 0 = carried T' 0).
  { replace T with (T' + (T - T'))%nat by lia. now apply carried_early. }
  repeat split; simpl.
  - intros k r q. apply sum_early; intros t Ht; unfold at_step.
    + now rewrite early.
    + destruct (late t Ht) as [-> ->]. apply step_0.
  - intros k r. apply sum_early; intros t Ht; unfold at_step.
    + now rewrite early.
    + destruct (late t Ht) as [-> ->]. apply step_0.
  - intros t q j Ht. unfold dx, at_step. now rewrite early.
  - intros t q j Ht. unfold dx, at_step. destruct (late t Ht) as [-> ->].
    now destruct (step_0 (weights p) (biases p) (inputs p t)
      (a n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) t)
      (c n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) t)) as (_ & _ & -> & _).
  - intros. unfold da0. now rewrite E0.
  - intros. unfold dc0. now rewrite E0.
Qed.
End Early.

(* A sequence cut in two: the second part starts where the first one ends, and what it
   finds for its initial states is added to the last step of the first. *)
Section Cut.
Variables T1 T2 : nat.
Variables da dc : nat -> matrix.
Variable p : arguments.
Hypothesis HT : (1 <= T1)%nat.

Definition second : arguments := {|
  weights := weights p; biases := biases p;
  inputs := fun t => inputs p (T1 + t)%nat;
  first_a := hidden n_x n_a p T1; first_c := memory n_x n_a p T1 |}.
Definition later (d : nat -> matrix) : nat -> matrix :=
  fun t => d (T1 + t)%nat.
Definition handed_over (d : nat -> matrix) (d0 : matrix) : nat -> matrix :=
  fun t =>
    if S t =? T1 then fun r j => d t r j + d0 r j else d t.

Definition g2 : arguments :=
  gradient n_x n_a m T2 (later da) (later dc) second.
Definition g1 : arguments :=
  gradient n_x n_a m T1
    (handed_over da (first_a g2)) (handed_over dc (first_c g2)) p.
Local Notation g := (gradient n_x n_a m (T1 + T2) da dc p).

Lemma states_second t :
  states n_x n_a (weights second) (biases second) (inputs second) (first_a second) (first_c second) t
  = states n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) (T1 + t).
Proof.
  induction t as [|t IH].
  - rewrite Nat.add_0_r. symmetry. apply surjective_pairing.
  - rewrite Nat.add_succ_r. cbn [states]. rewrite IH. reflexivity.
Qed.

Theorem cut_forward t :
  hidden n_x n_a second t = hidden n_x n_a p (T1 + t) /\
  memory n_x n_a second t = memory n_x n_a p (T1 + t).
Proof. unfold hidden, memory, a, c. now rewrite states_second. Qed.

Local Notation carried_p := (carried n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p)).
Local Notation carried_2 := (carried n_x n_a (weights second) (biases second) (inputs second)
  (first_a second) (first_c second) (later da) (later dc)).

Lemma carried_second n t : carried_2 n t = carried_p da dc n (T1 + t).
Proof.
  revert t. induction n as [|n IH]; intros t; [reflexivity|].
  cbn [carried]. rewrite IH, Nat.add_succ_r. unfold a, c. rewrite states_second. reflexivity.
Qed.

Lemma total_first n t : (S t + n = T1)%nat ->
  da_total (handed_over da (first_a g2)) t (carried_p (handed_over da (first_a g2)) (handed_over dc (first_c g2)) n (S t))
    = da_total da t (carried_p da dc (n + T2) (S t)) /\
  dc_total (handed_over dc (first_c g2)) t (carried_p (handed_over da (first_a g2)) (handed_over dc (first_c g2)) n (S t))
    = dc_total dc t (carried_p da dc (n + T2) (S t)).
Proof.
  revert t. induction n as [|n IH]; intros t Ht.
  - assert (E : carried_p da dc T2 (S t) = (first_a g2, first_c g2)).
    { unfold g2. simpl. unfold da0, dc0. rewrite carried_second, Nat.add_0_r.
      replace T1 with (S t) by lia. apply surjective_pairing. }
    simpl plus. rewrite E. unfold da_total, dc_total, handed_over. replace (S t =? T1) with true by (symmetry; apply Nat.eqb_eq; lia).
    split; repeat (apply functional_extensionality; intro); simpl; unfold zero; ring.
  - destruct (IH (S t)) as [Ea Ec]; [lia|].
    assert (E : forall d d0, handed_over d d0 t = d t).
    { intros d d0. unfold handed_over. now replace (S t =? T1) with false by (symmetry; apply Nat.eqb_neq; lia). }
    change (S n + T2)%nat with (S (n + T2)). cbn [carried]. rewrite Ea, Ec.
    split; [unfold da_total at 1|unfold dc_total at 1]; rewrite E; reflexivity.
Qed.

Theorem cut_backward :
  (forall k r q,
    weights g k r q = weights g1 k r q + weights g2 k r q) /\
  (forall k r, biases g k r = biases g1 k r + biases g2 k r) /\
  (forall t q j, (t < T1)%nat -> inputs g t q j = inputs g1 t q j) /\
  (forall t q j, inputs g (T1 + t) q j = inputs g2 t q j) /\
  (forall r j, first_a g r j = first_a g1 r j) /\
  (forall r j, first_c g r j = first_c g1 r j).
Proof.
  assert (First : forall t, (t < T1)%nat ->
    da_total (handed_over da (first_a g2)) t
      (carried_p (handed_over da (first_a g2)) (handed_over dc (first_c g2)) (T1 - S t) (S t))
    = da_total da t (carried_p da dc (T1 + T2 - S t) (S t)) /\
    dc_total (handed_over dc (first_c g2)) t
      (carried_p (handed_over da (first_a g2)) (handed_over dc (first_c g2)) (T1 - S t) (S t))
    = dc_total dc t (carried_p da dc (T1 + T2 - S t) (S t))).
  { intros t Ht. replace (T1 + T2 - S t)%nat with (T1 - S t + T2)%nat by lia. apply total_first. lia. }
  assert (Step1 : forall (result : Type) (back : matrix -> matrix -> matrix -> matrix -> matrix -> result) t, (t < T1)%nat ->
    at_step n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da dc (T1 + T2) back t
    = at_step n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p)
        (handed_over da (first_a g2)) (handed_over dc (first_c g2)) T1 back t).
  { intros result back t Ht. unfold at_step. destruct (First t Ht) as [-> ->]. reflexivity. }
  assert (Step2 : forall (result : Type) (back : matrix -> matrix -> matrix -> matrix -> matrix -> result) t,
    at_step n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da dc (T1 + T2) back (T1 + t)
    = at_step n_x n_a (weights second) (biases second) (inputs second) (first_a second) (first_c second)
        (later da) (later dc) T2 back t).
  { intros result back t. unfold at_step. rewrite carried_second.
    replace (T1 + T2 - S (T1 + t))%nat with (T2 - S t)%nat by lia. rewrite Nat.add_succ_r.
    unfold a, c. rewrite states_second. reflexivity. }
  assert (Start : carried_p da dc (T1 + T2) 0
    = carried_p (handed_over da (first_a g2)) (handed_over dc (first_c g2)) T1 0).
  { destruct (First 0%nat) as [Ea Ec]; [lia|]. destruct T1 as [|n]; [lia|].
    change (S n + T2)%nat with (S (n + T2)) in *.
    change (S n - 1)%nat with (n - 0)%nat in Ea, Ec. change (S (n + T2) - 1)%nat with (n + T2 - 0)%nat in Ea, Ec.
    rewrite !Nat.sub_0_r in Ea, Ec. cbn [carried]. now rewrite Ea, Ec. }
  repeat split.
  - intros k r q. simpl. unfold dW. rewrite sum_cut. apply (f_equal2 Rplus); apply sum_ext; intros t Ht.
    + now rewrite Step1.
    + now rewrite Step2.
  - intros k r. simpl. unfold db. rewrite sum_cut. apply (f_equal2 Rplus); apply sum_ext; intros t Ht.
    + now rewrite Step1.
    + now rewrite Step2.
  - intros t q j Ht. simpl. unfold dx. now rewrite Step1.
  - intros t q j. simpl. unfold dx. now rewrite Step2.
  - intros. simpl. unfold da0. now rewrite Start.
  - intros. simpl. unfold dc0. now rewrite Start.
Qed.
End Cut.
End Losses.
