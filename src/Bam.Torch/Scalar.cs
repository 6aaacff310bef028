namespace Bam.Torch;

/// <summary>
/// A number as an operator's argument. It stays an integer or not, as it was written: integers times <c>2</c> are
/// integers, times <c>2.0</c> they are not.
/// </summary>
internal readonly struct Scalar
{
    private readonly Value value;

    private Scalar(Value value) => this.value = value;

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(int value) => new(value);

    /// <summary>An integer.</summary>
    public static implicit operator Scalar(long value) => new(value);

    /// <summary>A floating-point number.</summary>
    public static implicit operator Scalar(double value) => new(value);

    /// <summary>A truth value.</summary>
    public static implicit operator Scalar(bool value) => new(value);

    /// <summary>The argument that an operator gets.</summary>
    public static implicit operator Value(Scalar scalar) => scalar.value;
}
