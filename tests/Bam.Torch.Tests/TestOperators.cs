namespace Bam.Torch;

/// <summary>Operators that only tests need.</summary>
internal static class TestOperators
{
    private static readonly Operator s_remainder = Operator.Get("aten::remainder", "Scalar");
    private static readonly Operator s_abs = Operator.Get("aten::abs");
    private static readonly Operator s_exp = Operator.Get("aten::exp");
    private static readonly Operator s_cos = Operator.Get("aten::cos");
    private static readonly Operator s_sigmoid = Operator.Get("aten::sigmoid");
    private static readonly Operator s_triu = Operator.Get("aten::triu");
    private static readonly Operator s_unbind = Operator.Get("aten::unbind", "int");
    private static readonly Operator s_max = Operator.Get("aten::max");
    private static readonly Operator s_vectorNorm = Operator.Get("aten::linalg_vector_norm");
    private static readonly Operator s_isFinite = Operator.Get("aten::isfinite");
    private static readonly Operator s_all = Operator.Get("aten::all");
    private static readonly Operator s_embedding = Operator.Get("aten::embedding");
    private static readonly Operator s_linear = Operator.Get("aten::linear");
    private static readonly Operator s_crossEntropy = Operator.Get("aten::cross_entropy_loss");

    extension(Tensor x)
    {
        public static Tensor Ones(ReadOnlySpan<long> shape, ScalarType type = ScalarType.Float32) => Tensor.Full(shape, 1, type);

        public Tensor Remainder(Scalar value) => s_remainder.Call(x, value);

        public Tensor Abs() => s_abs.Call(x);

        public Tensor Exp() => s_exp.Call(x);

        public Tensor Cos() => s_cos.Call(x);

        public Tensor Sigmoid() => s_sigmoid.Call(x);

        public Tensor Triu(long diagonal = 0) => s_triu.Call(x, diagonal);

        public Tensor[] Unbind(int dim = 0) => s_unbind.CallMany(x, dim);

        public Tensor Max() => s_max.Call(x);

        public Tensor Norm() => s_vectorNorm.Call(x);

        public Tensor IsFinite() => s_isFinite.Call(x);

        public Tensor All() => s_all.Call(x);

        /// <summary>The rows of a table [n, d] at integer ids [..]: [.., d].</summary>
        public Tensor Embedding(Tensor ids) => s_embedding.Call(x, ids);

        /// <summary>x · weightᵀ + bias: [.., in], [out, in], [out] to [.., out].</summary>
        public Tensor Linear(Tensor weight, Tensor? bias = null) => s_linear.Call(x, weight, bias);

        /// <summary>The cross-entropy of logits [n, classes] against ids [n].</summary>
        public Tensor CrossEntropy(Tensor targets, Reduction reduction = Reduction.Mean, long ignoreIndex = -100) =>
            s_crossEntropy.Call(x, targets, Value.None, (long)reduction, ignoreIndex);
    }
}

/// <summary>How a loss is reduced, with libtorch's numbers.</summary>
internal enum Reduction
{
    None = 0,
    Mean = 1,
    Sum = 2,
}
