(* The sequence: (7) to (20) are the gradient of (1) to (6), over any number of steps. *)
From LSTM Require Import Lemmas Equations Cell.

(* All that a loss can be differentiated with respect to. Tangents and gradients
   have the same parts: a gradient's weights are dW, its inputs dx, and so on. *)
Record arguments := {
  weights : gate -> matrix;           (* W k *)
  biases : gate -> nat -> R;          (* b k *)
  inputs : nat -> matrix;             (* x t *)
  first_a : matrix;                   (* a0 *)
  first_c : matrix;                   (* c0 *)
}.

Section Sizes.
Variables n_x n_a m T : nat.

(* p, a path of arguments, moves at p' when it passes e: every entry within
   the shapes has the derivative that p' says *)
Definition moves (p : R -> arguments) (e : R) (p' : arguments)
    : Prop :=
  (forall k r q, (r < n_a)%nat -> (q < n_a + n_x)%nat ->
    D (fun y => weights (p y) k r q) e (weights p' k r q)) /\
  (forall k r, (r < n_a)%nat ->
    D (fun y => biases (p y) k r) e (biases p' k r)) /\
  (forall t q j, (t < T)%nat -> (q < n_x)%nat -> (j < m)%nat ->
    D (fun y => inputs (p y) t q j) e (inputs p' t q j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat ->
    D (fun y => first_a (p y) r j) e (first_a p' r j)) /\
  (forall r j, (r < n_a)%nat -> (j < m)%nat ->
    D (fun y => first_c (p y) r j) e (first_c p' r j)).

(* the states after t steps *)
Definition hidden (p : arguments) (t : nat) : matrix :=
  a n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) t.
Definition memory (p : arguments) (t : nat) : matrix :=
  c n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) t.

(* a loss that weights every entry of every state with a number of its own *)
Definition loss (da dc : nat -> matrix) (p : arguments) : R :=
  sum T (fun t => dot n_a m (da t) (hidden p (S t))
                  + dot n_a m (dc t) (memory p (S t))).

(* the results of (7) to (20) *)
Definition gradient (da dc : nat -> matrix) (p : arguments) : arguments :=
  let W := weights p in let b := biases p in let x := inputs p in
  let a0 := first_a p in let c0 := first_c p in
  {| weights := dW n_x n_a m W b x a0 c0 da dc T;
     biases := db n_x n_a m W b x a0 c0 da dc T;
     inputs := dx n_x n_a W b x a0 c0 da dc T;
     first_a := da0 n_x n_a W b x a0 c0 da dc T;
     first_c := dc0 n_x n_a W b x a0 c0 da dc T |}.

(* <dW, W'> + <db, b'> + <da0, a0'> + <dc0, c0'> + the sum over t of <dx t, x' t> *)
Definition product (g p' : arguments) : R :=
  sum_gates (fun k =>
    dot n_a (n_a + n_x) (weights g k) (weights p' k)
    + sum n_a (fun r => biases g k r * biases p' k r))
  + dot n_a m (first_a g) (first_a p')
  + dot n_a m (first_c g) (first_c p')
  + sum T (fun t => dot n_x m (inputs g t) (inputs p' t)).

(* the tangents of the states, if p moves at p' *)
Fixpoint states' (p p' : arguments) (t : nat) : matrix * matrix :=
  match t with
  | 0%nat => (first_a p', first_c p')
  | S t =>
    (a_next' n_x n_a (weights p) (weights p') (biases p) (biases p') (inputs p t) (inputs p' t)
       (hidden p t) (fst (states' p p' t)) (memory p t) (snd (states' p p' t)),
     c_next' n_x n_a (weights p) (weights p') (biases p) (biases p') (inputs p t) (inputs p' t)
       (hidden p t) (fst (states' p p' t)) (memory p t) (snd (states' p p' t)))
  end.

(* Calculus *)
Lemma D_states p e p' : moves p e p' ->
  forall t, (t <= T)%nat -> forall r j, (r < n_a)%nat -> (j < m)%nat ->
  D (fun y => hidden (p y) t r j) e (fst (states' (p e) p' t) r j)
  /\ D (fun y => memory (p y) t r j) e (snd (states' (p e) p' t) r j).
Proof.
  intros (HW & Hb & Hx & Ha & Hc). induction t as [|t IH]; intros Ht r j Hr Hj;
    [split; [now apply Ha|now apply Hc]|].
  split; [apply (D_a_next n_x n_a m (fun y => weights (p y)) (fun y => biases (p y)) (fun y => inputs (p y) t)
                   (fun y => hidden (p y) t) (fun y => memory (p y) t))
         |apply (D_c_next n_x n_a m (fun y => weights (p y)) (fun y => biases (p y)) (fun y => inputs (p y) t)
                   (fun y => hidden (p y) t) (fun y => memory (p y) t))];
    auto; intros; apply IH; auto; lia.
Qed.

(* Algebra: what the states' tangents bring to the loss is what the arguments' tangents bring *)
Lemma states_adjoint da dc p p' :
  sum T (fun t => dot n_a m (da t) (fst (states' p p' (S t))) + dot n_a m (dc t) (snd (states' p p' (S t))))
  = product (gradient da dc p) p'.
Proof.
  pose (at_t t (back : matrix -> matrix -> matrix -> matrix -> matrix -> matrix) (A : matrix * matrix) :=
    back (inputs p t) (hidden p t) (memory p t) (fst A) (snd A)).
  pose (dW_t := at_step n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da dc T
    (dW_step n_x n_a m (weights p) (biases p))).
  pose (db_t := at_step n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da dc T
    (db_step n_x n_a m (weights p) (biases p))).
  assert (H :
    sum T (fun t => dot n_a m (da t) (fst (states' p p' (S t))) + dot n_a m (dc t) (snd (states' p p' (S t))))
    = dot n_a m (first_a (gradient da dc p)) (first_a p') + dot n_a m (first_c (gradient da dc p)) (first_c p')
      + sum T (fun t => dot n_x m (inputs (gradient da dc p) t) (inputs p' t)
                        + parameters_product n_x n_a (weights p') (biases p') (dW_t t) (db_t t))).
  { refine (chain
      (fun A u => dot n_a m (fst A) (fst u) + dot n_a m (snd A) (snd u))
      (states' p p') (fun t => (da t, dc t)) (fun t A => (da_total da t A, dc_total dc t A))
      (fun t A => (at_t t (da_prev n_x n_a (weights p) (biases p)) A, at_t t (dc_prev n_x n_a (weights p) (biases p)) A))
      (fun t A => dot n_x m (at_t t (dxt n_x n_a (weights p) (biases p)) A) (inputs p' t)
         + parameters_product n_x n_a (weights p') (biases p')
             (dW_step n_x n_a m (weights p) (biases p) (inputs p t) (hidden p t) (memory p t) (fst A) (snd A))
             (db_step n_x n_a m (weights p) (biases p) (inputs p t) (hidden p t) (memory p t) (fst A) (snd A)))
      (carried n_x n_a (weights p) (biases p) (inputs p) (first_a p) (first_c p) da dc) _ _ _ _ T 0%nat).
    - intros t A u. simpl. unfold da_total, dc_total. rewrite !dot_plus. ring.
    - intros t. simpl. rewrite !dot_none by (intros; unfold zero; ring). ring.
    - reflexivity.
    - intros t A. simpl. rewrite cell. unfold at_t. ring. }
  assert (HW : forall k, sum T (fun t => dot n_a (n_a + n_x) (dW_t t k) (weights p' k))
                         = dot n_a (n_a + n_x) (weights (gradient da dc p) k) (weights p' k)).
  { intros k. apply (dot_sum n_a (n_a + n_x) T (fun t => dW_t t k)). }
  assert (Hb : forall k, sum T (fun t => sum n_a (fun r => db_t t k r * biases p' k r))
                         = sum n_a (fun r => biases (gradient da dc p) k r * biases p' k r)).
  { intros k. apply (vector_sum n_a T (fun t => db_t t k)). }
  rewrite H, sum_plus. unfold product, parameters_product, sum_gates.
  rewrite !sum_plus, !HW, !Hb. ring.
Qed.

(* The theorem *)
Theorem sequence (da dc : nat -> matrix)
  (p : R -> arguments) (e : R) (p' : arguments) :
  moves p e p' ->
  D (fun y => loss da dc (p y)) e (product (gradient da dc (p e)) p').
Proof.
  intros Hp. rewrite <- states_adjoint. unfold loss.
  apply (D_sum T (fun y t => dot n_a m (da t) (hidden (p y) (S t)) + dot n_a m (dc t) (memory (p y) (S t)))).
  intros t Ht.
  apply (D_plus (fun y => dot n_a m (da t) (hidden (p y) (S t))) (fun y => dot n_a m (dc t) (memory (p y) (S t))));
    apply D_dot; intros r j Hr Hj; now apply D_states.
Qed.

(* its premise can be met: a path on which every entry moves along a line of its own *)
Definition line (p p' : arguments) (y : R) : arguments := {|
  weights := fun k r q => weights p k r q + y * weights p' k r q;
  biases := fun k r => biases p k r + y * biases p' k r;
  inputs := fun t q j => inputs p t q j + y * inputs p' t q j;
  first_a := fun r j => first_a p r j + y * first_a p' r j;
  first_c := fun r j => first_c p r j + y * first_c p' r j |}.

Lemma line_moves p e p' : moves (line p p') e p'.
Proof.
  assert (H : forall u v, D (fun y => u + y * v) e v).
  { intros u v. eapply D_is; [apply (D_plus (fun _ => u) (fun y => y * v)); [apply D_const|]|].
    - apply (D_times (fun y => y) (fun _ => v)); [apply D_id|apply D_const].
    - ring. }
  repeat split; intros; apply H.
Qed.
End Sizes.
