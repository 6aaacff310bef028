namespace Bam.Torch;

// Elementwise arithmetic. Names that end in an underscore change the tensor and return it.
internal sealed unsafe partial class Tensor
{
    private static readonly Operator s_add = Operator.Get("aten::add", "Tensor");
    private static readonly Operator s_addScalar = Operator.Get("aten::add", "Scalar");
    private static readonly Operator s_addInPlace = Operator.Get("aten::add_", "Tensor");
    private static readonly Operator s_addScalarInPlace = Operator.Get("aten::add_", "Scalar");
    private static readonly Operator s_sub = Operator.Get("aten::sub", "Tensor");
    private static readonly Operator s_subScalar = Operator.Get("aten::sub", "Scalar");
    private static readonly Operator s_reverseSub = Operator.Get("aten::rsub", "Scalar");
    private static readonly Operator s_mul = Operator.Get("aten::mul", "Tensor");
    private static readonly Operator s_mulScalar = Operator.Get("aten::mul", "Scalar");
    private static readonly Operator s_mulInPlace = Operator.Get("aten::mul_", "Tensor");
    private static readonly Operator s_mulScalarInPlace = Operator.Get("aten::mul_", "Scalar");
    private static readonly Operator s_div = Operator.Get("aten::div", "Tensor");
    private static readonly Operator s_divScalar = Operator.Get("aten::div", "Scalar");
    private static readonly Operator s_floorDivide = Operator.Get("aten::floor_divide", "Scalar");
    private static readonly Operator s_divInPlace = Operator.Get("aten::div_", "Tensor");
    private static readonly Operator s_divScalarInPlace = Operator.Get("aten::div_", "Scalar");
    private static readonly Operator s_addCMulInPlace = Operator.Get("aten::addcmul_");
    private static readonly Operator s_addCDivInPlace = Operator.Get("aten::addcdiv_");
    private static readonly Operator s_lerpInPlace = Operator.Get("aten::lerp_", "Scalar");
    private static readonly Operator s_copyInPlace = Operator.Get("aten::copy_");
    private static readonly Operator s_zeroInPlace = Operator.Get("aten::zero_");
    private static readonly Operator s_fillInPlace = Operator.Get("aten::fill_", "Scalar");
    private static readonly Operator s_neg = Operator.Get("aten::neg");
    private static readonly Operator s_clampMin = Operator.Get("aten::clamp_min");
    private static readonly Operator s_sqrt = Operator.Get("aten::sqrt");
    private static readonly Operator s_rsqrt = Operator.Get("aten::rsqrt");
    private static readonly Operator s_square = Operator.Get("aten::square");
    private static readonly Operator s_silu = Operator.Get("aten::silu");
    private static readonly Operator s_clamp = Operator.Get("aten::clamp");
    private static readonly Operator s_sigmoid = Operator.Get("aten::sigmoid");
    private static readonly Operator s_tanh = Operator.Get("aten::tanh");
    private static readonly Operator s_gelu = Operator.Get("aten::gelu");

    public static Tensor operator +(Tensor left, Tensor right) => s_add.Call(left, right);
    public static Tensor operator +(Tensor left, Scalar right) => s_addScalar.Call(left, right);
    public static Tensor operator +(Scalar left, Tensor right) => s_addScalar.Call(right, left);
    public static Tensor operator -(Tensor left, Tensor right) => s_sub.Call(left, right);
    public static Tensor operator -(Tensor left, Scalar right) => s_subScalar.Call(left, right);
    public static Tensor operator -(Scalar left, Tensor right) => s_reverseSub.Call(right, left);
    public static Tensor operator -(Tensor value) => s_neg.Call(value);
    public static Tensor operator *(Tensor left, Tensor right) => s_mul.Call(left, right);
    public static Tensor operator *(Tensor left, Scalar right) => s_mulScalar.Call(left, right);
    public static Tensor operator *(Scalar left, Tensor right) => s_mulScalar.Call(right, left);
    public static Tensor operator /(Tensor left, Tensor right) => s_div.Call(left, right);
    public static Tensor operator /(Tensor left, Scalar right) => s_divScalar.Call(left, right);

    /// <summary>Integers divided by one, rounded down.</summary>
    public Tensor FloorDivide(Scalar divisor) => s_floorDivide.Call(this, divisor);

    /// <summary>this += alpha · other.</summary>
    public Tensor Add_(Tensor other, double alpha = 1) => InPlace(s_addInPlace, other, Alpha(alpha));

    public Tensor Add_(Scalar value) => InPlace(s_addScalarInPlace, value);

    public Tensor Mul_(Tensor other) => InPlace(s_mulInPlace, other);

    public Tensor Mul_(Scalar value) => InPlace(s_mulScalarInPlace, value);

    public Tensor Div_(Tensor other) => InPlace(s_divInPlace, other);

    public Tensor Div_(Scalar value) => InPlace(s_divScalarInPlace, value);

    /// <summary>this += value · first · second.</summary>
    public Tensor AddCMul_(Tensor first, Tensor second, double value = 1) => InPlace(s_addCMulInPlace, first, second, value);

    /// <summary>this += value · first / second.</summary>
    public Tensor AddCDiv_(Tensor first, Tensor second, double value = 1) => InPlace(s_addCDivInPlace, first, second, value);

    /// <summary>this += weight · (end - this).</summary>
    public Tensor Lerp_(Tensor end, double weight) => InPlace(s_lerpInPlace, end, weight);

    /// <summary>Copies the elements of another tensor, converting them.</summary>
    public Tensor Copy_(Tensor source) => InPlace(s_copyInPlace, source);

    public Tensor Zero_() => InPlace(s_zeroInPlace);

    public Tensor Fill_(Scalar value) => InPlace(s_fillInPlace, value);

    /// <summary>At least <paramref name="least"/>.</summary>
    public Tensor ClampMin(Scalar least) => s_clampMin.Call(this, least);

    public Tensor Sqrt() => s_sqrt.Call(this);

    public Tensor Rsqrt() => s_rsqrt.Call(this);

    public Tensor Square() => s_square.Call(this);

    public Tensor Clamp(Scalar min, Scalar max) => s_clamp.Call(this, min, max);

    public Tensor Sigmoid() => s_sigmoid.Call(this);

    public Tensor Tanh() => s_tanh.Call(this);

    /// <summary>x · sigmoid(x).</summary>
    public Tensor Silu() => s_silu.Call(this);

    /// <summary>x · Φ(x), with the error function.</summary>
    public Tensor Gelu() => s_gelu.Call(this);

    /// <summary>GELU by a hyperbolic tangent, ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (arXiv 1606.08415, section 2).</summary>
    public unsafe Tensor GeluTanh()
    {
        fixed (byte* approximate = "tanh"u8) return s_gelu.Call(this, Value.Utf8(approximate, 4));
    }

    // An integer, so that tensors of integers take it too.
    private static Scalar Alpha(double alpha) => alpha == 1 ? (Scalar)1L : alpha;

    private Tensor InPlace(Operator op)
    {
        op.Invoke(this);
        return this;
    }

    private Tensor InPlace(Operator op, Value argument)
    {
        op.Invoke(this, argument);
        return this;
    }

    private Tensor InPlace(Operator op, Value first, Value second)
    {
        op.Invoke(this, first, second);
        return this;
    }

    private Tensor InPlace(Operator op, Value first, Value second, Value third)
    {
        op.Invoke(this, first, second, third);
        return this;
    }

    private Tensor InPlace(Operator op, Value first, Value second, Value third, Value fourth)
    {
        op.Invoke(this, first, second, third, fourth);
        return this;
    }
}
