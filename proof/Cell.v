(* One step: its derivative along a path, (1) to (6), and what (7) to (17) make of it. *)
From LSTM Require Import Lemmas Equations Gates.

Lemma sum_gates_ext u v : (forall k, u k = v k) -> sum_gates u = sum_gates v.
Proof. intros H. unfold sum_gates. now rewrite !H. Qed.

(* (n_a + n_x, m) cut into its first n_a rows and the others *)
Lemma dot_stack n_x n_a m A (xt' a' : matrix) :
  dot (n_a + n_x) m A (stack n_a xt' a') = dot n_a m A a' + dot n_x m (fun q j => A (n_a + q)%nat j) xt'.
Proof.
  unfold dot. rewrite sum_cut. apply (f_equal2 Rplus); apply sum_ext; intros q Hq; apply sum_ext; intros j _; unfold stack.
  - now rewrite (proj2 (Nat.ltb_lt q n_a) Hq).
  - rewrite (proj2 (Nat.ltb_ge (n_a + q) n_a)) by lia. now replace (n_a + q - n_a)%nat with q by lia.
Qed.

(* the slope of gate k's activation, in terms of its value: page 01 *)
Definition slope k v := match k with gc => 1 - v * v | _ => v * (1 - v) end.

Lemma D_act k v : D (act k) v (slope k (act k v)).
Proof. destruct k; [apply D_sigmoid|apply D_sigmoid|apply D_tanh|apply D_sigmoid]. Qed.

(* The tangents: how fast everything moves, if W moves at W', b at b', xt at xt',
   a_prev at a', c_prev at c'. *)
Section Tangent.
Variables n_x n_a : nat.
Variables W W' : gate -> matrix.
Variables b b' : gate -> nat -> R.
Variables xt xt' a_prev a' c_prev c' : matrix.

Definition z' k : matrix := fun r j =>
  sum (n_a + n_x) (fun q => W' k r q * stack n_a xt a_prev q j + W k r q * stack n_a xt' a' q j) + b' k r.
Definition value' k : matrix := fun r j => slope k (value n_x n_a W b xt a_prev k r j) * z' k r j.
Definition c_next' : matrix := fun r j =>
  value' gf r j * c_prev r j + Γf n_x n_a W b xt a_prev r j * c' r j
  + (value' gi r j * cct n_x n_a W b xt a_prev r j + Γi n_x n_a W b xt a_prev r j * value' gc r j).
Definition a_next' : matrix := fun r j =>
  value' go r j * tanh (c_next n_x n_a W b xt a_prev c_prev r j)
  + Γo n_x n_a W b xt a_prev r j * ((1 - (tanh (c_next n_x n_a W b xt a_prev c_prev r j))²) * c_next' r j).
End Tangent.

(* Calculus: along every path the tangents are the derivatives. *)
Section Path.
Variables n_x n_a m : nat.
Variable W : R -> gate -> matrix.
Variable b : R -> gate -> nat -> R.
Variables xt a_prev c_prev : R -> matrix.
Variable e : R.
Variable W' : gate -> matrix.
Variable b' : gate -> nat -> R.
Variables xt' a' c' : matrix.

Hypothesis HW : forall k r q, (r < n_a)%nat -> (q < n_a + n_x)%nat -> D (fun y => W y k r q) e (W' k r q).
Hypothesis Hb : forall k r, (r < n_a)%nat -> D (fun y => b y k r) e (b' k r).
Hypothesis Hx : forall q j, (q < n_x)%nat -> (j < m)%nat -> D (fun y => xt y q j) e (xt' q j).
Hypothesis Ha : forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => a_prev y r j) e (a' r j).
Hypothesis Hc : forall r j, (r < n_a)%nat -> (j < m)%nat -> D (fun y => c_prev y r j) e (c' r j).

Lemma D_value k r j : (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => value n_x n_a (W y) (b y) (xt y) (a_prev y) k r j) e
    (value' n_x n_a (W e) W' (b e) b' (xt e) xt' (a_prev e) a' k r j).
Proof.
  intros Hr Hj.
  apply (D_ext (fun y => act k (z n_x n_a (W y) (b y) (xt y) (a_prev y) k r j))); [intros; symmetry; apply value_z|].
  unfold value'. rewrite value_z. apply (D_chain _ (act k)); [apply D_act|].
  apply (D_linear (n_a + n_x) (fun y => W y k) (fun y => stack n_a (xt y) (a_prev y)) (fun y => b y k)); auto.
  intros q Hq. unfold stack. destruct (Nat.ltb_spec q n_a); [auto|apply Hx; [lia|exact Hj]].
Qed.

Lemma D_c_next r j : (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => c_next n_x n_a (W y) (b y) (xt y) (a_prev y) (c_prev y) r j) e
    (c_next' n_x n_a (W e) W' (b e) b' (xt e) xt' (a_prev e) a' (c_prev e) c' r j).
Proof.
  intros Hr Hj. pose proof (fun k => D_value k r j Hr Hj) as Hv.
  apply (D_ext (fun y => Γf n_x n_a (W y) (b y) (xt y) (a_prev y) r j * c_prev y r j
    + Γi n_x n_a (W y) (b y) (xt y) (a_prev y) r j * cct n_x n_a (W y) (b y) (xt y) (a_prev y) r j)).
  { intros y. unfold c_next. ring. }
  apply (D_plus (fun y => Γf n_x n_a (W y) (b y) (xt y) (a_prev y) r j * c_prev y r j)
                (fun y => Γi n_x n_a (W y) (b y) (xt y) (a_prev y) r j * cct n_x n_a (W y) (b y) (xt y) (a_prev y) r j)).
  - apply (D_times (fun y => Γf n_x n_a (W y) (b y) (xt y) (a_prev y) r j) (fun y => c_prev y r j)).
    + exact (Hv gf).
    + now apply Hc.
  - apply (D_times (fun y => Γi n_x n_a (W y) (b y) (xt y) (a_prev y) r j)
                   (fun y => cct n_x n_a (W y) (b y) (xt y) (a_prev y) r j)).
    + exact (Hv gi).
    + exact (Hv gc).
Qed.

Lemma D_a_next r j : (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => a_next n_x n_a (W y) (b y) (xt y) (a_prev y) (c_prev y) r j) e
    (a_next' n_x n_a (W e) W' (b e) b' (xt e) xt' (a_prev e) a' (c_prev e) c' r j).
Proof.
  intros Hr Hj.
  apply (D_ext (fun y => Γo n_x n_a (W y) (b y) (xt y) (a_prev y) r j
    * tanh (c_next n_x n_a (W y) (b y) (xt y) (a_prev y) (c_prev y) r j))).
  { intros y. unfold a_next. ring. }
  apply (D_times (fun y => Γo n_x n_a (W y) (b y) (xt y) (a_prev y) r j)
                 (fun y => tanh (c_next n_x n_a (W y) (b y) (xt y) (a_prev y) (c_prev y) r j))).
  - exact (D_value go r j Hr Hj).
  - apply (D_chain _ tanh); [apply D_tanh|now apply D_c_next].
Qed.
End Path.

(* Algebra: (7) to (17) hand back what arrives. *)
Section Adjoint.
Variables n_x n_a m : nat.
Variables W W' : gate -> matrix.
Variables b b' : gate -> nat -> R.
Variables xt xt' a_prev a' c_prev c' da dc : matrix.

Local Notation dz k := (dz n_x n_a W b xt a_prev c_prev da dc k).
Local Notation z' k := (z' n_x n_a W W' b' xt xt' a_prev a' k).

(* (7) to (10) and (16), one unit of one example *)
Lemma unit_adjoint r j :
  da r j * a_next' n_x n_a W W' b b' xt xt' a_prev a' c_prev c' r j
  + dc r j * c_next' n_x n_a W W' b b' xt xt' a_prev a' c_prev c' r j
  = dc_prev n_x n_a W b xt a_prev c_prev da dc r j * c' r j + sum_gates (fun k => dz k r j * z' k r j).
Proof.
  unfold a_next', c_next', value', sum_gates, Equations.dz, dc_prev, dΓo, dcct, dΓi, dΓf, s, Rsqr, slope, value.
  ring.
Qed.

(* (11) to (14), (11b) to (14b), one gate *)
Lemma gate_adjoint k :
  dot n_a m (dz k) (z' k)
  = dot n_a (n_a + n_x) (dW_step n_x n_a m W b xt a_prev c_prev da dc k) (W' k)
    + sum n_a (fun r => db_step n_x n_a m W b xt a_prev c_prev da dc k r * b' k r)
    + dot (n_a + n_x) m (fun q j => sum n_a (fun r => W k r q * dz k r j)) (stack n_a xt' a').
Proof.
  unfold z'. rewrite linear. apply (f_equal2 Rplus); [apply (f_equal2 Rplus)|].
  - apply dot_ext. intros r q _ _. apply (f_equal (fun v => v * W' k r q)).
    destruct k; apply sum_ext; intros j _; unfold Equations.dz; ring.
  - apply sum_ext. intros r _. apply (f_equal (fun v => v * b' k r)).
    destruct k; apply sum_ext; intros j _; unfold Equations.dz; ring.
  - reflexivity.
Qed.

(* (15) and (17): the stack is cut into a_prev and xt *)
Lemma stack_adjoint :
  sum_gates (fun k => dot (n_a + n_x) m (fun q j => sum n_a (fun r => W k r q * dz k r j)) (stack n_a xt' a'))
  = dot n_a m (da_prev n_x n_a W b xt a_prev c_prev da dc) a' + dot n_x m (dxt n_x n_a W b xt a_prev c_prev da dc) xt'.
Proof.
  rewrite (sum_gates_ext _ _ (fun k => dot_stack n_x n_a m _ xt' a')).
  unfold sum_gates. rewrite (dot_ext n_a m (da_prev _ _ _ _ _ _ _ _ _) a'
    (fun q j => sum_gates (fun k => sum n_a (fun r => W k r q * dz k r j))) a').
  2: { intros q j _ _. apply (f_equal (fun v => v * a' q j)). apply sum_gates_ext. intros k. apply sum_ext. intros. ring. }
  rewrite (dot_ext n_x m (dxt _ _ _ _ _ _ _ _ _) xt'
    (fun q j => sum_gates (fun k => sum n_a (fun r => W k r (n_a + q)%nat * dz k r j))) xt').
  2: { intros q j _ _. apply (f_equal (fun v => v * xt' q j)). apply sum_gates_ext. intros k. apply sum_ext. intros. ring. }
  unfold sum_gates. rewrite !dot_plus. ring.
Qed.

Definition parameters_product (dW : gate -> matrix) (db : gate -> nat -> R) : R :=
  sum_gates (fun k => dot n_a (n_a + n_x) (dW k) (W' k) + sum n_a (fun r => db k r * b' k r)).

Theorem cell :
  dot n_a m da (a_next' n_x n_a W W' b b' xt xt' a_prev a' c_prev c')
  + dot n_a m dc (c_next' n_x n_a W W' b b' xt xt' a_prev a' c_prev c')
  = dot n_a m (da_prev n_x n_a W b xt a_prev c_prev da dc) a'
    + dot n_a m (dc_prev n_x n_a W b xt a_prev c_prev da dc) c'
    + dot n_x m (dxt n_x n_a W b xt a_prev c_prev da dc) xt'
    + parameters_product (dW_step n_x n_a m W b xt a_prev c_prev da dc) (db_step n_x n_a m W b xt a_prev c_prev da dc).
Proof.
  assert (E : dot n_a m da (a_next' n_x n_a W W' b b' xt xt' a_prev a' c_prev c')
              + dot n_a m dc (c_next' n_x n_a W W' b b' xt xt' a_prev a' c_prev c')
              = dot n_a m (dc_prev n_x n_a W b xt a_prev c_prev da dc) c'
                + sum_gates (fun k => dot n_a m (dz k) (z' k))).
  { unfold sum_gates, dot. rewrite <- !sum_plus. apply sum_ext. intros r _.
    rewrite <- !sum_plus. apply sum_ext. intros j _. apply unit_adjoint. }
  rewrite E. pose proof stack_adjoint as Hs. revert Hs. unfold parameters_product, sum_gates.
  rewrite !gate_adjoint. lra.
Qed.
End Adjoint.
