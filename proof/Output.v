(* Softmax and cross-entropy, (21) to (25), and the whole network: page 06. *)
From LSTM Require Import Lemmas Equations Cell Sequence Entries Losses.

Section Output.
Variable log : R -> R.                          (* what is used of the logarithm is said below *)
Variables n_a n_y m T : nat.
Variable labels : nat -> nat -> nat.            (* labels j t, the right class of example j at step t *)
Variable w : nat -> nat -> R.                   (* w j t, its weight *)
Definition weight := sum T (fun t => sum m (fun j => w j t)).

Section Equations.
Variable Wy : matrix.                           (* (n_y, n_a) *)
Variable by_ : nat -> R.                        (* (n_y, 1) *)
Variable a : nat -> matrix.                     (* a t is a[:, :, t] *)

Definition z t q j := sum n_a (fun r => Wy q r * a t r j) + by_ q.                                (* (21) *)
Definition y t q j := exp (z t q j) / sum n_y (fun q => exp (z t q j)).                           (* (21) *)
Definition L := sum T (fun t => sum m (fun j => w j t * - log (y t (labels j t) j))) / weight.    (* (23) *)

Definition dz t q j := w j t / weight * (y t q j - if q =? labels j t then 1 else 0).             (* (24) *)
Definition dWy q r := sum T (fun t => sum m (fun j => dz t q j * a t r j)).                       (* (25) *)
Definition dby q := sum T (fun t => sum m (fun j => dz t q j)).                                   (* (25) *)
Definition da t r j := sum n_y (fun q => Wy q r * dz t q j).                                      (* (25) *)
End Equations.

Lemma sum_exp v : (0 < n_y)%nat -> 0 < sum n_y (fun q => exp (v q)).
Proof.
  induction n_y as [|[|k] IH]; intros H; [lia| |].
  - simpl. pose proof (exp_pos (v 0%nat)). lra.
  - change (0 < sum (S k) (fun q => exp (v q)) + exp (v (S k))). pose proof (exp_pos (v (S k))).
    specialize (IH ltac:(lia)). lra.
Qed.

(* (22): the logarithm takes the fraction apart *)
Theorem equation_22 Wy by_ a t q j :
  (forall u v, 0 < u -> 0 < v -> log (u / v) = log u - log v) -> (forall v, log (exp v) = v) -> (q < n_y)%nat ->
  - log (y Wy by_ a t q j) = - z Wy by_ a t q j + log (sum n_y (fun q => exp (z Wy by_ a t q j))).
Proof.
  intros Hquotient Hexp Hq. unfold y. rewrite Hquotient, Hexp; [ring|apply exp_pos|apply sum_exp; lia].
Qed.

Hypothesis Hlog : forall y, 0 < y -> D log y (/ y).
Hypothesis Hlabels : forall t j, (t < T)%nat -> (j < m)%nat -> (labels j t < n_y)%nat.

(* (24) before its factor: prediction minus truth *)
Lemma D_column (v : R -> nat -> R) e (v' : nat -> R) l : (l < n_y)%nat ->
  (forall q, (q < n_y)%nat -> D (fun u => v u q) e (v' q)) ->
  D (fun u => - log (exp (v u l) / sum n_y (fun q => exp (v u q)))) e
    (sum n_y (fun q => (exp (v e q) / sum n_y (fun q => exp (v e q)) - if q =? l then 1 else 0) * v' q)).
Proof.
  intros Hl Hv. pose proof (sum_exp (v e) ltac:(lia)) as Hs. pose proof (exp_pos (v e l)) as He.
  assert (HE : forall q, (q < n_y)%nat -> D (fun u => exp (v u q)) e (exp (v e q) * v' q)).
  { intros q Hq. apply (D_chain (fun u => v u q) exp); [apply D_exp|now apply Hv]. }
  eapply D_is.
  - apply (D_ext (fun u => 0 - log (exp (v u l) * / sum n_y (fun q => exp (v u q))))); [intros; unfold Rdiv; ring|].
    apply (D_minus (fun _ => 0) (fun u => log (exp (v u l) * / sum n_y (fun q => exp (v u q))))); [apply D_const|].
    apply (D_chain (fun u => exp (v u l) * / sum n_y (fun q => exp (v u q))) log).
    + apply Hlog, Rmult_lt_0_compat; [exact He|now apply Rinv_0_lt_compat].
    + apply (D_times (fun u => exp (v u l)) (fun u => / sum n_y (fun q => exp (v u q)))); [now apply HE|].
      apply (D_chain (fun u => sum n_y (fun q => exp (v u q))) Rinv); [apply D_inv; lra|].
      now apply (D_sum n_y (fun u q => exp (v u q)) e (fun q => exp (v e q) * v' q)).
  - rewrite (sum_ext n_y (fun q => (exp (v e q) / sum n_y (fun q => exp (v e q)) - if q =? l then 1 else 0) * v' q)
      (fun q => / sum n_y (fun q => exp (v e q)) * (exp (v e q) * v' q) + (if q =? l then - v' q else 0))).
    2: { intros q _. destruct (q =? l); unfold Rdiv; ring. }
    rewrite sum_plus, sum_times, (sum_one n_y l (fun q => if q =? l then - v' q else 0) Hl).
    + rewrite Nat.eqb_refl. field. lra.
    + intros i _ Hn. apply Nat.eqb_neq in Hn. now rewrite Hn.
Qed.

(* (24) and (25) are the gradient of (21) to (23), by the layer and by the states *)
Theorem output (Wy : R -> matrix) (by_ : R -> nat -> R) (a : R -> nat -> matrix) (e : R) Wy' by_' (a' : nat -> matrix) :
  (forall q r, (q < n_y)%nat -> (r < n_a)%nat -> D (fun u => Wy u q r) e (Wy' q r)) ->
  (forall q, (q < n_y)%nat -> D (fun u => by_ u q) e (by_' q)) ->
  (forall t r j, (t < T)%nat -> (r < n_a)%nat -> (j < m)%nat -> D (fun u => a u t r j) e (a' t r j)) ->
  D (fun u => L (Wy u) (by_ u) (a u)) e
    (dot n_y n_a (dWy (Wy e) (by_ e) (a e)) Wy' + sum n_y (fun q => dby (Wy e) (by_ e) (a e) q * by_' q)
     + sum T (fun t => dot n_a m (da (Wy e) (by_ e) (a e) t) (a' t))).
Proof.
  intros HW Hb Ha.
  pose (z' t q j := sum n_a (fun r => Wy' q r * a e t r j + Wy e q r * a' t r j) + by_' q).
  pose (yl t q j := y (Wy e) (by_ e) (a e) t q j - if q =? labels j t then 1 else 0).
  apply D_is with (d := sum T (fun t => sum m (fun j => w j t * sum n_y (fun q => yl t q j * z' t q j))) * / weight).
  - eapply D_is; [apply (D_times (fun u => sum T (fun t => sum m (fun j => w j t * - log (y (Wy u) (by_ u) (a u) t (labels j t) j))))
                                 (fun _ => / weight)); [|apply D_const]|cbv beta; rewrite Rmult_0_r, Rplus_0_r; reflexivity].
    apply (D_sum T (fun u t => sum m (fun j => w j t * - log (y (Wy u) (by_ u) (a u) t (labels j t) j)))). intros t Ht.
    apply (D_sum m (fun u j => w j t * - log (y (Wy u) (by_ u) (a u) t (labels j t) j))). intros j Hj.
    eapply D_is; [apply (D_times (fun _ => w j t) (fun u => - log (y (Wy u) (by_ u) (a u) t (labels j t) j))); [apply D_const|]
                 |cbv beta; rewrite Rmult_0_l, Rplus_0_l; reflexivity].
    apply (D_column (fun u q => z (Wy u) (by_ u) (a u) t q j) e (fun q => z' t q j)); [auto|].
    intros q Hq. apply (D_linear n_a Wy (fun u => a u t) by_); auto.
  - assert (E : sum T (fun t => sum m (fun j => w j t * sum n_y (fun q => yl t q j * z' t q j))) * / weight
                = sum T (fun t => dot n_y m (dz (Wy e) (by_ e) (a e) t) (z' t))).
    { rewrite Rmult_comm, <- sum_times. apply sum_ext. intros t _. unfold dot. rewrite sum_swap, <- sum_times.
      apply sum_ext. intros j _. rewrite <- Rmult_assoc, <- sum_times. apply sum_ext. intros q _.
      unfold dz, yl, Rdiv. ring. }
    rewrite E. unfold z'.
    rewrite (sum_ext T _ (fun t =>
      dot n_y n_a (fun q r => sum m (fun j => dz (Wy e) (by_ e) (a e) t q j * a e t r j)) Wy'
      + sum n_y (fun q => sum m (fun j => dz (Wy e) (by_ e) (a e) t q j) * by_' q)
      + dot n_a m (da (Wy e) (by_ e) (a e) t) (a' t))).
    2: { intros t _. apply linear. }
    rewrite !sum_plus, dot_sum, vector_sum. reflexivity.
Qed.

(* (25) is what the cross-entropy sends to the states *)
Theorem cross_entropy_gradient Wy by_ A C :
  states_gradient n_a m T (fun A _ => L Wy by_ A) A C (da Wy by_ A) (fun _ => zero).
Proof.
  intros A_at C_at e A' C' He HA.
  assert (Ed : forall t r j, (t < T)%nat -> (j < m)%nat -> da Wy by_ (A_at e) t r j = da Wy by_ A t r j).
  { intros t r j Ht Hj. apply sum_ext. intros q _. unfold dz, y.
    assert (Ez : forall q, z Wy by_ (A_at e) t q j = z Wy by_ A t q j).
    { intros i. unfold z. apply (f_equal (fun s => s + by_ i)), sum_ext. intros k Hk. now rewrite (proj1 (He t k j Ht Hk Hj)). }
    rewrite Ez. apply (f_equal (fun s => Wy q r * (w j t / weight * (exp (z Wy by_ A t q j) / s - _)))).
    apply sum_ext. intros. now rewrite Ez. }
  eapply D_is.
  - apply (output (fun _ => Wy) (fun _ => by_) A_at e zero (fun _ => 0) A').
    + intros. apply D_const.
    + intros. apply D_const.
    + intros. now apply HA.
  - rewrite dot_none by (intros; unfold zero; ring). rewrite sum_none by (intros; ring). rewrite !Rplus_0_l.
    apply sum_ext. intros t Ht. rewrite (dot_none n_a m zero) by (intros; unfold zero; ring). rewrite Rplus_0_r.
    apply dot_ext. intros r j _ Hj. now rewrite Ed.
Qed.

(* The whole network: one backward pass gives the gradient of the loss by everything. *)
Theorem network n_x (Wy : R -> matrix) (by_ : R -> nat -> R) (p : R -> arguments) (e : R) Wy' by_' p' :
  (forall q r, (q < n_y)%nat -> (r < n_a)%nat -> D (fun u => Wy u q r) e (Wy' q r)) ->
  (forall q, (q < n_y)%nat -> D (fun u => by_ u q) e (by_' q)) ->
  moves n_x n_a m T p e p' ->
  let a u t := hidden n_x n_a (p u) (S t) in
  D (fun u => L (Wy u) (by_ u) (a u)) e
    (dot n_y n_a (dWy (Wy e) (by_ e) (a e)) Wy' + sum n_y (fun q => dby (Wy e) (by_ e) (a e) q * by_' q)
     + product n_x n_a m T (gradient n_x n_a m T (da (Wy e) (by_ e) (a e)) (fun _ => zero) (p e)) p').
Proof.
  intros HW Hb Hp a. rewrite <- states_adjoint.
  eapply D_is; [apply (output Wy by_ a e Wy' by_' (fun t => fst (states' n_x n_a (p e) p' (S t)))); auto|].
  - intros t r j Ht Hr Hj. now apply (D_states n_x n_a m T p).
  - apply f_equal, sum_ext. intros t _. rewrite (dot_none n_a m zero) by (intros; unfold zero; ring). ring.
Qed.
End Output.

(* Coq's logarithm has all that is used of one. *)
Lemma ln_is_one :
  (forall y, 0 < y -> D ln y (/ y)) /\
  (forall u v, 0 < u -> 0 < v -> ln (u / v) = ln u - ln v) /\ (forall v, ln (exp v) = v).
Proof.
  repeat split; [exact D_ln| |exact ln_exp].
  intros u v Hu Hv. unfold Rdiv. rewrite ln_mult, ln_Rinv; [ring|exact Hv|exact Hu|now apply Rinv_0_lt_compat].
Qed.
