(* Finite sums and derivatives: all that the theorems stand on. *)
From Coq Require Export Reals Lra Lia Arith FunctionalExtensionality.
Global Open Scope R_scope.

Definition matrix := nat -> nat -> R.     (* row, column *)

(* f 0 + f 1 + ... + f (n - 1), and 0 for n = 0 *)
Fixpoint sum (n : nat) (f : nat -> R) : R :=
  match n with 0%nat => 0 | S n => sum n f + f n end.

(* the sum of A r j * B r j over all rows and columns *)
Definition dot (n m : nat) (A B : matrix) : R :=
  sum n (fun r => sum m (fun j => A r j * B r j)).

Definition zero : matrix := fun _ _ => 0.

Definition sigmoid (z : R) : R := / (1 + exp (- z)).

(* d is the derivative of f at x *)
Definition D (f : R -> R) (x d : R) : Prop := derivable_pt_lim f x d.

(* Sums *)

Lemma sum_ext n f g : (forall i, (i < n)%nat -> f i = g i) -> sum n f = sum n g.
Proof.
  induction n as [|n IH]; simpl; intros H; [reflexivity|].
  rewrite IH, H by (intros; try apply H; lia). reflexivity.
Qed.

Lemma sum_plus n f g : sum n (fun i => f i + g i) = sum n f + sum n g.
Proof. induction n as [|n IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_times n c f : sum n (fun i => c * f i) = c * sum n f.
Proof. induction n as [|n IH]; simpl; [ring|rewrite IH; ring]. Qed.

Lemma sum_0 n : sum n (fun _ => 0) = 0.
Proof. induction n as [|n IH]; simpl; [|rewrite IH]; ring. Qed.

Lemma sum_swap n p f : sum n (fun i => sum p (fun j => f i j)) = sum p (fun j => sum n (fun i => f i j)).
Proof.
  induction n as [|n IH]; simpl; [symmetry; apply sum_0|].
  rewrite IH, <- sum_plus. reflexivity.
Qed.

Lemma sum_cut n p f : sum (n + p) f = sum n f + sum p (fun i => f (n + i)%nat).
Proof.
  induction p as [|p IH]; simpl; [rewrite Nat.add_0_r; ring|].
  rewrite Nat.add_succ_r. simpl. rewrite IH. ring.
Qed.

Lemma sum_first n f : sum (S n) f = f 0%nat + sum n (fun i => f (S i)).
Proof. change (S n) with (1 + n)%nat. rewrite sum_cut. simpl. ring. Qed.

Lemma sum_one n k f :
  (k < n)%nat -> (forall i, (i < n)%nat -> i <> k -> f i = 0) -> sum n f = f k.
Proof.
  induction n as [|n IH]; simpl; intros Hk H; [lia|].
  destruct (Nat.eq_dec k n) as [->|Hn].
  - rewrite (sum_ext n f (fun _ => 0)), sum_0 by (intros; apply H; lia). ring.
  - rewrite IH, (H n) by (intros; try apply H; lia). ring.
Qed.

Lemma sum_none n f : (forall i, (i < n)%nat -> f i = 0) -> sum n f = 0.
Proof. intros H. rewrite (sum_ext n f (fun _ => 0)) by exact H. apply sum_0. Qed.

Lemma dot_ext n m A B A' B' :
  (forall r j, (r < n)%nat -> (j < m)%nat -> A r j * B r j = A' r j * B' r j) ->
  dot n m A B = dot n m A' B'.
Proof. intros H. apply sum_ext. intros r Hr. apply sum_ext. intros j Hj. now apply H. Qed.

Lemma dot_plus n m A B C : dot n m (fun r j => A r j + B r j) C = dot n m A C + dot n m B C.
Proof.
  unfold dot. rewrite <- sum_plus. apply sum_ext. intros r _.
  rewrite <- sum_plus. apply sum_ext. intros j _. ring.
Qed.

Lemma dot_plus_r n m A B C : dot n m A (fun r j => B r j + C r j) = dot n m A B + dot n m A C.
Proof.
  unfold dot. rewrite <- sum_plus. apply sum_ext. intros r _.
  rewrite <- sum_plus. apply sum_ext. intros j _. ring.
Qed.

Lemma dot_sum n m T (A : nat -> matrix) B :
  sum T (fun t => dot n m (A t) B) = dot n m (fun r j => sum T (fun t => A t r j)) B.
Proof.
  induction T as [|T IH]; simpl.
  - symmetry. apply sum_none. intros r _. apply sum_none. intros j _. ring.
  - rewrite IH. symmetry. apply (dot_plus n m (fun r j => sum T (fun t => A t r j)) (A T)).
Qed.

Lemma vector_sum n T (d : nat -> nat -> R) (v : nat -> R) :
  sum T (fun t => sum n (fun r => d t r * v r)) = sum n (fun r => sum T (fun t => d t r) * v r).
Proof.
  rewrite sum_swap. apply sum_ext. intros r _. rewrite Rmult_comm, <- sum_times.
  apply sum_ext. intros. ring.
Qed.

Lemma dot_none n m A B :
  (forall r j, (r < n)%nat -> (j < m)%nat -> A r j * B r j = 0) -> dot n m A B = 0.
Proof. intros H. apply sum_none. intros r Hr. apply sum_none. intros j Hj. now apply H. Qed.

Lemma dot_one n m A B r j :
  (r < n)%nat -> (j < m)%nat ->
  (forall r' j', (r' < n)%nat -> (j' < m)%nat -> r' <> r \/ j' <> j -> A r' j' * B r' j' = 0) ->
  dot n m A B = A r j * B r j.
Proof.
  intros Hr Hj H. unfold dot. rewrite (sum_one n r); [|exact Hr|].
  - apply (sum_one m j (fun j => A r j * B r j) Hj). intros. apply H; auto.
  - intros i Hi Hn. apply sum_none. intros. apply H; auto.
Qed.

(* Derivatives *)

Lemma D_is f x d e : D f x d -> d = e -> D f x e.
Proof. now intros H <-. Qed.

Lemma D_ext f g x d : (forall y, f y = g y) -> D f x d -> D g x d.
Proof. intros H. now replace g with f by (apply functional_extensionality; exact H). Qed.

Lemma D_unique f x d e : D f x d -> D f x e -> d = e.
Proof. apply uniqueness_limite. Qed.

Lemma D_const v x : D (fun _ => v) x 0.
Proof. apply derivable_pt_lim_const. Qed.

Lemma D_id x : D (fun y => y) x 1.
Proof. apply derivable_pt_lim_id. Qed.

Lemma D_plus f g x d e : D f x d -> D g x e -> D (fun y => f y + g y) x (d + e).
Proof. apply derivable_pt_lim_plus. Qed.

Lemma D_minus f g x d e : D f x d -> D g x e -> D (fun y => f y - g y) x (d - e).
Proof. apply derivable_pt_lim_minus. Qed.

Lemma D_times f g x d e : D f x d -> D g x e -> D (fun y => f y * g y) x (d * g x + f x * e).
Proof. apply derivable_pt_lim_mult. Qed.

Lemma D_chain f g x d e : D g (f x) e -> D f x d -> D (fun y => g (f y)) x (e * d).
Proof. intros Hg Hf. exact (derivable_pt_lim_comp f g x d e Hf Hg). Qed.

Lemma D_sum n f x d :
  (forall i, (i < n)%nat -> D (fun y => f y i) x (d i)) -> D (fun y => sum n (f y)) x (sum n d).
Proof.
  induction n as [|n IH]; simpl; intros H; [apply D_const|].
  apply (D_plus (fun y => sum n (f y)) (fun y => f y n)); [apply IH; intros|]; apply H; lia.
Qed.

Lemma D_exp x : D exp x (exp x).
Proof. apply derivable_pt_lim_exp. Qed.

Lemma D_ln x : 0 < x -> D ln x (/ x).
Proof. apply derivable_pt_lim_ln. Qed.

Lemma D_inv x : x <> 0 -> D Rinv x (- / (x * x)).
Proof.
  intros Hx.
  apply (D_ext (fun y => 1 / y)); [intros; unfold Rdiv; ring|].
  eapply D_is.
  - apply (derivable_pt_lim_div (fun _ => 1) (fun y => y)); [apply D_const|apply D_id|exact Hx].
  - unfold Rsqr. field. exact Hx.
Qed.

Lemma D_tanh x : D tanh x (1 - (tanh x)²).
Proof.
  assert (H : cosh x <> 0) by (unfold cosh; pose proof (exp_pos x); pose proof (exp_pos (- x)); lra).
  eapply D_is.
  - apply (derivable_pt_lim_div sinh cosh);
      [apply derivable_pt_lim_sinh|apply derivable_pt_lim_cosh|exact H].
  - unfold tanh, Rsqr. field. exact H.
Qed.

Lemma D_sigmoid x : D sigmoid x (sigmoid x * (1 - sigmoid x)).
Proof.
  pose proof (exp_pos (- x)) as He.
  eapply D_is.
  - apply (D_chain (fun y => 1 + exp (- y)) Rinv); [apply D_inv; lra|].
    apply D_plus; [apply D_const|].
    apply (D_chain Ropp exp); [apply D_exp|apply derivable_pt_lim_opp; apply D_id].
  - unfold sigmoid. field. lra.
Qed.

Global Opaque D.

Lemma tanh_0 : tanh 0 = 0.
Proof. unfold tanh, sinh. rewrite Ropp_0. unfold Rdiv. ring. Qed.

Lemma sigmoid_0 : sigmoid 0 = / 2.
Proof. unfold sigmoid. rewrite Ropp_0, exp_0. f_equal; ring. Qed.

Lemma tanh_1 : tanh 1 <> 0.
Proof.
  assert (exp (-1) < exp 1) by (apply exp_increasing; lra).
  pose proof (exp_pos 1). pose proof (exp_pos (-1)).
  unfold tanh, sinh, cosh. replace (- (1)) with (-1) by ring. intros E.
  assert (exp 1 - exp (-1) = 0); [|lra].
  apply (f_equal (fun v => v * (exp 1 + exp (-1)))) in E. field_simplify in E; lra.
Qed.

(* The linear layer of page 02: z = W v + b. What the weights, the bias and the input
   bring to z, weighted with dz, is what dz brings to them. *)
Lemma linear n p m (dz W W' v v' : matrix) (b' : nat -> R) :
  dot n m dz (fun r j => sum p (fun q => W' r q * v q j + W r q * v' q j) + b' r)
  = dot n p (fun r q => sum m (fun j => dz r j * v q j)) W'
    + sum n (fun r => sum m (fun j => dz r j) * b' r)
    + dot p m (fun q j => sum n (fun r => W r q * dz r j)) v'.
Proof.
  unfold dot.
  rewrite (sum_ext p _ (fun q => sum n (fun r => sum m (fun j => dz r j * (W r q * v' q j))))).
  2: { intros q _. rewrite sum_swap. apply sum_ext. intros j _.
       rewrite Rmult_comm, <- sum_times. apply sum_ext. intros r _. ring. }
  rewrite (sum_swap p n), <- !sum_plus. apply sum_ext. intros r _.
  rewrite (Rmult_comm _ (b' r)), <- sum_times.
  rewrite (sum_ext p _ (fun q => sum m (fun j => dz r j * (W' r q * v q j)))).
  2: { intros q _. rewrite Rmult_comm, <- sum_times. apply sum_ext. intros j _. ring. }
  rewrite !(sum_swap p m), <- !sum_plus. apply sum_ext. intros j _.
  rewrite !sum_times, sum_plus. ring.
Qed.

(* the derivative of such a z *)
Lemma D_linear p (W v : R -> matrix) (b : R -> nat -> R) x (W' v' : matrix) (b' : nat -> R) r j :
  (forall q, (q < p)%nat -> D (fun y => W y r q) x (W' r q)) ->
  (forall q, (q < p)%nat -> D (fun y => v y q j) x (v' q j)) ->
  D (fun y => b y r) x (b' r) ->
  D (fun y => sum p (fun q => W y r q * v y q j) + b y r) x
    (sum p (fun q => W' r q * v x q j + W x r q * v' q j) + b' r).
Proof.
  intros HW Hv Hb.
  apply (D_plus (fun y => sum p (fun q => W y r q * v y q j)) (fun y => b y r)); [|exact Hb].
  apply (D_sum p (fun y q => W y r q * v y q j)). intros q Hq.
  apply (D_times (fun y => W y r q) (fun y => v y q j)); auto.
Qed.

Lemma D_dot n m (A : matrix) (B : R -> matrix) x (B' : matrix) :
  (forall r j, (r < n)%nat -> (j < m)%nat -> D (fun y => B y r j) x (B' r j)) ->
  D (fun y => dot n m A (B y)) x (dot n m A B').
Proof.
  intros H. apply (D_sum n (fun y r => sum m (fun j => A r j * B y r j))). intros r Hr.
  apply (D_sum m (fun y j => A r j * B y r j)). intros j Hj.
  eapply D_is; [apply (D_times (fun _ => A r j) (fun y => B y r j)); [apply D_const|now apply H]|ring].
Qed.

(* Steps in a row: if one step hands back what it should, so do all. The state s' is any
   kind of tangent, what arrives any kind of gradient, and here is their product. total t A is
   what arrives at step t, if step t + 1 hands back A; g n t is what the n steps from step t
   on hand back. *)
Lemma chain {S' G : Type} (prod : G -> S' -> R) (s' : nat -> S') (d : nat -> G) (total : nat -> G -> G)
  (back : nat -> G -> G) (rest : nat -> G -> R) (g : nat -> nat -> G) :
  (forall t A u, prod (total t A) u = prod (d t) u + prod A u) ->
  (forall t, prod (g 0%nat t) (s' t) = 0) ->
  (forall n t, g (S n) t = back t (total t (g n (S t)))) ->
  (forall t A, prod A (s' (S t)) = prod (back t A) (s' t) + rest t A) ->
  forall n t,
  sum n (fun u => prod (d (t + u)%nat) (s' (S (t + u))))
  = prod (g n t) (s' t)
    + sum n (fun u => rest (t + u)%nat (total (t + u)%nat (g (n - S u)%nat (S (t + u))))).
Proof.
  intros Htotal H0 HS Hstep n. induction n as [|n IH]; intros t.
  - simpl. rewrite H0. ring.
  - rewrite !sum_first, Nat.add_0_r, HS.
    replace (S n - 1)%nat with n by lia.
    assert (E : sum n (fun i => prod (d (t + S i)%nat) (s' (S (t + S i))))
                = sum n (fun u => prod (d (S t + u)%nat) (s' (S (S t + u))))).
    { apply sum_ext. intros i _. now rewrite Nat.add_succ_r. }
    rewrite E, IH. clear E.
    assert (E : sum n (fun i => rest (t + S i)%nat (total (t + S i)%nat (g (S n - S (S i))%nat (S (t + S i)))))
                = sum n (fun u => rest (S t + u)%nat (total (S t + u)%nat (g (n - S u)%nat (S (S t + u)))))).
    { apply sum_ext. intros i _. now rewrite Nat.add_succ_r. }
    rewrite E. clear E.
    assert (E : prod (d t) (s' (S t)) + prod (g n (S t)) (s' (S t))
                = prod (back t (total t (g n (S t)))) (s' t) + rest t (total t (g n (S t)))).
    { rewrite <- Htotal. apply Hstep. }
    lra.
Qed.
